import FoundationEssentials
import FunctionCore
import HTTPTypes

/// The hosted checkout, plain enough for any browser, screen reader or curl.
enum CheckoutPage {
    static func open(_ payment: Payment, error: String? = nil) -> Response {
        let request = payment.request
        let notice = error.map { "<p role=\"alert\">\($0.escaped)</p>" } ?? ""
        let body = """
            <h1>\((request.title ?? "Payment").escaped)</h1>
            <p>\(request.email.escaped) pays <strong>\(money(request).escaped)</strong>
            for <code>\(request.reference.escaped)</code>.</p>
            <p>This is an emulated checkout. No money moves.</p>
            \(notice)
            <form method="post">
            <p><label for="card">Card number</label>
            <input id="card" name="card" inputmode="numeric" autocomplete="off" value="5531 8866 5214 2950"></p>
            <p><button name="action" value="pay">Pay \(money(request).escaped)</button>
            <button name="action" value="decline">Pay with a card that is declined</button>
            <button name="action" value="abandon">Cancel</button></p>
            </form>
            """
        return page("Pay \(money(request))", body, status: error == nil ? .ok : .unprocessableContent)
    }

    static func paid(_ payment: Payment, status: HTTPResponse.Status) -> Response {
        page("Paid", "<h1>Paid</h1><p>\(money(payment.request).escaped) has been paid.</p>", status: status)
    }

    static func unknown() -> Response {
        page(
            "No such payment", "<h1>No such payment</h1><p>The link is wrong or no longer kept.</p>", status: .notFound)
    }

    private static func page(_ title: String, _ body: String, status: HTTPResponse.Status) -> Response {
        let html = """
            <!doctype html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <title>\(title.escaped)</title>
            <style>body{font:1.1rem/1.5 system-ui,sans-serif;max-width:34rem;margin:2rem auto;padding:0 1rem}
            label{display:block}button,input{font:inherit;padding:.4rem .7rem;margin:.2rem 0}</style>
            </head>
            <body>
            <main>
            \(body)
            </main>
            </body>
            </html>

            """
        var response = Response.text(html, status: status, type: "text/html; charset=utf-8")
        response.fields[.contentSecurityPolicy] = "default-src 'none'; style-src 'unsafe-inline'"
        return response
    }

    /// `NGN 29.00`.
    private static func money(_ request: PaymentRequest) -> String {
        let parts = "\(request.amount)".split(separator: ".")
        let cents = parts.count > 1 ? String(parts[1]) : ""
        let padded = cents + String(repeating: "0", count: max(0, 2 - cents.count))
        return "\(request.currency) \(parts.first ?? "0").\(padded)"
    }
}

extension String {
    /// Safe as HTML text and inside a quoted attribute.
    fileprivate var escaped: String {
        reduce(into: "") { text, character in
            switch character {
            case "&": text += "&amp;"
            case "<": text += "&lt;"
            case ">": text += "&gt;"
            case "\"": text += "&quot;"
            case "'": text += "&#39;"
            default: text.append(character)
            }
        }
    }
}
