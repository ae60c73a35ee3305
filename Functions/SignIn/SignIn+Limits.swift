import Problems

extension SignIn {
    /// How often strangers may try.
    public struct Limits: Sendable {
        /// Per address.
        public var signUp: RateLimit
        /// Per address, whatever the account.
        public var signIn: RateLimit
        /// Per account, known or not, whatever the address. Its own name is never told: which of the two limits was
        /// reached is nobody's business.
        public var account: RateLimit
        /// Per address.
        public var refresh: RateLimit

        public init(signUp: RateLimit, signIn: RateLimit, account: RateLimit, refresh: RateLimit) {
            self.signUp = signUp
            self.signIn = signIn
            self.account = account
            self.refresh = refresh
        }

        public static let none = Limits(signUp: .none, signIn: .none, account: .none, refresh: .none)
    }
}
