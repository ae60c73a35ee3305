import FunctionCore

/// Where a checkout sends the browser back to. In production that is a page of the web front end (`APP_URL`), which the
/// development host has none of, so a person who tried the checkout would find a 404.
struct ReturnPage: Responder {
    let others: any Responder

    func accept(_ head: RequestHead) -> Acceptance {
        guard head.method == .get, head.target.path == "/payment" else { return others.accept(head) }
        return .answer(.text(Self.page, type: "text/html; charset=utf-8"))
    }

    func refuse(_ problem: Problem) -> Response { others.refuse(problem) }

    /// Says nothing of the payment: what the address of this page says of it counts for nothing.
    private static let page = """
        <!doctype html>
        <html lang="en">
        <meta charset="utf-8">
        <title>Back from the checkout</title>
        <h1>Back from the checkout</h1>
        <p>Whether it was paid is not known from this page's address, but from the books:
        <code>GET /api/payment-status?txRef=…</code>, as docs/running-locally.md shows.</p>
        </html>
        """
}
