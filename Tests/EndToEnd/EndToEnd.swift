import Testing

/// The tests that share one ``TestBed``, one after another: a fault that one of them asks of a provider is not for the
/// others, and neither are its requests.
@Suite(.serialized, .timeLimit(.minutes(10)))
enum EndToEnd {}
