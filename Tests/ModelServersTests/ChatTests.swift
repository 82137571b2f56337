// SPDX-License-Identifier: Apache-2.0

import Codecs
import ModelRequests
import NIOHTTP1
import Records
import Testing

@testable import ModelServers

@Suite("Chat request")
struct ChatRequestTests {
    private func make(_ schema: String? = nil, temperature: Double? = 0.7) throws -> ChatRequest {
        try ChatRequest(
            model: "m",
            messages: [ChatMessage(role: .system, content: "a"), ChatMessage(role: .user, content: "b\n\"é")],
            schema: schema,
            temperature: temperature, topP: 1, maxTokens: 5, seed: 3, stop: ["x"])
    }

    @Test("The canonical form is one spelling, and the key its hash: both are kept for ever in caches")
    func canonical() throws {
        let request = try self.make(#"{ "type" : "object", "maximum": 1.0, "t": "\u0041" }"#)
        #expect(
            String(decoding: request.canonical, as: UTF8.self)
                == #"{"model":"m","messages":[{"role":"system","content":"a"},{"role":"user","content":"b\n\"é"}],"#
                + #""schema":{"type":"object","maximum":1,"t":"A"},"temperature":0.7,"top_p":1.0,"max_tokens":5,"#
                + #""seed":3,"stop":["x"]}"#)
        #expect(request.key == ContentHash.sha256(request.canonical))
        let plain = try ChatRequest(model: "m", messages: [ChatMessage(role: .user, content: "b")])
        #expect(plain.canonical == Bytes(#"{"model":"m","messages":[{"role":"user","content":"b"}]}"#.utf8))
        #expect(plain.key == "60c303210f8eb08709387b47c43f56786ce0ccd032c1e683f52d5574f62f38ed")
    }

    @Test("White space, escapes and spellings of numbers in a schema make no difference; everything else does")
    func keys() throws {
        let key = try self.make(#"{"a":1,"b":[2]}"#).key
        #expect(try self.make("{ \"a\" : 1.0,\n \"\\u0062\":[ 2e0 ] }").key == key)
        #expect(try self.make(#"{"b":[2],"a":1}"#).key != key)
        #expect(try self.make().key != key)
        #expect(try self.make(temperature: 0).key == self.make(temperature: -0.0).key)
        #expect(try self.make(temperature: nil).key != self.make(temperature: 0).key)
    }

    @Test("What is sent has the schema where it is taken, and does not stream")
    func body() throws {
        let request = try self.make(#"{"type":"object"}"#)
        let sent = try JSONValue(parsing: request.body())
        #expect(sent["response_format"]?["json_schema"]?["schema"]?["type"]?.string == "object")
        #expect(sent["response_format"]?["type"]?.string == "json_schema")
        #expect(sent["stream"] == .bool(false))
    }

    @Test("What a server refuses is left out or put in another way, and the key stays the same")
    func forms() throws {
        let request = try self.make(#"{"type":"array","maxItems":3,"items":{"type":"string","pattern":"a"}}"#)
        var form = RequestForm()
        form.schema = .unbounded
        form.tokenLimit = .maxCompletionTokens
        form.leavesOut = [.temperature, .seed]
        form.tokensMax = 4
        #expect(
            String(decoding: request.body(form), as: UTF8.self)
                == #"{"model":"m","messages":[{"role":"system","content":"a"},{"role":"user","content":"b\n\"é"}],"#
                + #""response_format":{"type":"json_schema","json_schema":{"name":"answer","strict":true,"schema":"#
                + #"{"type":"array","items":{"type":"string"}}}},"top_p":1.0,"max_completion_tokens":4,"stop":["x"],"#
                + #""stream":false}"#)
        #expect(
            String(decoding: request.body(.bare), as: UTF8.self)
                == #"{"model":"m","messages":[{"role":"system","content":"a"},{"role":"user","content":"b\n\"é"}]}"#)
        #expect(request.key == ContentHash.sha256(request.canonical))
        #expect(form.changes(since: RequestForm()).count == 4)
        #expect(RequestForm().merged(with: form) == form && form.merged(with: RequestForm()) == form)
    }

    @Test("Bounds are taken out of a schema, not out of its names and values")
    func bounds() throws {
        let schema = """
            {"type":"object","properties":{"pattern":{"type":"string","pattern":"^a$","minLength":1},"list":{"type":"array",\
            "items":{"type":"integer","enum":[1,2],"minimum":1},"minItems":1,"maxItems":2}},"required":["pattern"],\
            "$defs":{"maxItems":{"enum":[{"minItems":1}]}},"additionalProperties":false}
            """
        #expect(
            SchemaBounds.removed(from: schema)
                == #"{"type":"object","properties":{"pattern":{"type":"string"},"list":{"type":"array","items":"#
                + #"{"type":"integer","enum":[1,2]}}},"required":["pattern"],"$defs":{"maxItems":{"enum":"#
                + #"[{"minItems":1}]}},"additionalProperties":false}"#)
        let sample = SchemaBounds.sample(of: schema)
        #expect(sample.map(\.key) == ["marks", "words", "number"])
        #expect(
            String(decoding: sample[0].value.bytes, as: UTF8.self)
                == #"{"type":"array","items":{"type":"integer","enum":[1]},"minItems":1,"maxItems":1}"#)
        #expect(sample[1].value["pattern"]?.string == "^a$")
        #expect(SchemaBounds.sample(of: #"{"type":"object"}"#).isEmpty)
    }

    @Test("A schema that is no object is refused", arguments: ["", "{", "[]", "7", "{} {}"])
    func badSchema(text: String) {
        #expect(throws: JSONError.self) { try self.make(text) }
    }
}

@Suite("Chat answer")
struct ChatAnswerTests {
    private func parse(_ text: String) throws(BadAnswer) -> ChatAnswer { try ChatAnswer(parsing: Bytes(text.utf8)) }

    @Test("Reads what it needs and passes over the rest")
    func whole() throws {
        let answer = try self.parse(
            #"{"new":{"a":[1]},"model":"x","choices":[{"logprobs":null,"message":{"role":"assistant","content":"hé","#
                + #""tool_calls":[]},"finish_reason":"stop"},{"message":7}],"usage":{"prompt_tokens":3,"#
                + #""completion_tokens":4,"details":{}}}"#)
        #expect(answer.text == "hé")
        #expect(answer.finishReason == "stop")
        #expect(answer.promptTokens == 3)
        #expect(answer.completionTokens == 4)
        #expect(answer.model == "x")
        #expect(try ChatAnswer(parsing: answer.body) == answer)
    }

    @Test("Takes parts of text, null usage, odd counts, and a refusal")
    func tolerant() throws {
        let parts = try self.parse(
            #"{"choices":[{"message":{"content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}}],"usage":null}"#
        )
        #expect(parts.text == "ab")
        #expect(parts.finishReason == nil)
        let refusal = try self.parse(
            #"{"choices":[{"message":{"content":null,"refusal":"no"},"finish_reason":"stop"}],"usage":{"prompt_tokens":-1}}"#
        )
        #expect(refusal.refusal == "no")
        #expect(refusal.promptTokens == nil)
    }

    @Test(
        "The text is found where servers put it",
        arguments: [
            #"{"choices":[{"message":{"content":"A"}}]}"#,
            "\u{feff}"
                + #"{"choices":[{"message":{"content":"A"}}]}"#,
            #"{"choices":[{"message":{"content":[{"type":"thinking","thinking":[{"text":"t"}]},{"type":"text","text":"A"}]}}]}"#,
            #"{"choices":[{"message":{"content":[{"type":"reasoning","text":"t"},{"type":"text","text":"A"}]}}]}"#,
            #"{"choices":[{"message":{"content":null,"tool_calls":[{"function":{"arguments":"A"}}]},"finish_reason":"tool_calls"}]}"#,
            #"{"choices":[{"message":{"content":"","function_call":{"arguments":"A"}}}]}"#,
            #"{"choices":[{"text":"A","finish_reason":"stop"}]}"#,
            #"{"choices":[{"message":{"content":""}},{"message":{"content":"A"}}]}"#,
            #"{"choices":[{"message":{"content":"A"}},{"message":7}]}"#,
            "{\"choices\":[{\"message\":{\"content\":\"A\"}}]}\ndata: [DONE]\n\n",
            "data: {\"choices\":[{\"delta\":{\"content\":\"A\"},\"finish_reason\":\"stop\"}]}\n\n",
            ": ok\n\ndata: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\r\n\r\n"
                + "data: {\"choices\":[{\"delta\":{\"content\":\"A\"}}]}\n\ndata: {\"choices\":[],\"usage\":"
                + "{\"prompt_tokens\":1}}\n\ndata: [DONE]\n\n",
        ])
    func places(text: String) throws {
        let answer = try self.parse(text)
        #expect(answer.text == "A" && answer.written == "A")
        #expect(!answer.isMissing && !answer.hasThoughtsOnly)
    }

    @Test(
        "Without a text there are thoughts to read, a reason, or nothing",
        arguments: [
            (#""content":null,"reasoning":"T""#, "stop", "T", false),
            (#""content":"","reasoning_content":"T""#, "stop", "T", false),
            (#""reasoning":"T","reasoning_content":"T""#, "length", "T", false),
            (#""content":"  ","reasoning_details":[{"type":"reasoning.text","text":"T"}]"#, "stop", "T", false),
            (#""content":[{"type":"thinking","thinking":"T"}]"#, "stop", "T", false),
            (#""content":null"#, "length", "", false), (#""content":null,"refusal":"no""#, "stop", "", false),
            (#""content":"""#, "stop", "", false), (#""content":null"#, "stop", "", true),
            (#""content":null,"reasoning":"""#, "stop", "", true),
        ])
    func withoutText(message: String, finish: String, written: String, isMissing: Bool) throws {
        let answer = try self.parse(#"{"choices":[{"message":{\#(message)},"finish_reason":"\#(finish)"}]}"#)
        #expect(!answer.text.contains { !$0.isWhitespace })
        #expect(answer.written == written)
        #expect(answer.hasThoughtsOnly == (written == "T"))
        #expect(answer.isMissing == isMissing)
    }

    @Test("An object for a text is the answer unwrapped")
    func object() throws {
        let answer = try self.parse(#"{"choices":[{"message":{"content":{"queries":[{"narration_ids":[1]}]}}}]}"#)
        #expect(answer.text == #"{"queries":[{"narration_ids":[1]}]}"#)
    }

    @Test(
        "Names what is wrong",
        arguments: [
            ("", "truncated-json"), ("{", "truncated-json"),
            (#"{"choices":[{"message":{"content":"a"#, "truncated-json"),
            ("<html>", "html-page"), ("OK", "malformed-json"), (#"{"choices":[}"#, "malformed-json"),
            ("{}", "wrong-shape"), ("[]", "wrong-shape"), (#"{"choices":null}"#, "wrong-shape"),
            (#"{"choices":[{}]}"#, "wrong-shape"), (#"{"choices":[{"message":{}}]}"#, "wrong-shape"),
            (#"{"choices":[{"message":{"content":7}}]}"#, "wrong-shape"),
            (#"{"choices":[{"message":{"content":[{"type":"image"}]}}]}"#, "wrong-shape"),
            (#"{"choices":[{"message":7},{"message":{"content":"a"}}]}"#, "wrong-shape"),
            (#"data: {"choices":[{"delta":{"content":"a"}}]}"#, "truncated-json"),
            (#"data: {"choices""#, "truncated-json"), ("data: [DONE]", "wrong-shape"),
            (#"{"error":"x"}"#, "wrong-shape"), (#"{"choices":[]} x"#, "malformed-json"),
        ])
    func bad(text: String, reason: String) {
        do throws(BadAnswer) {
            _ = try self.parse(text)
            Issue.record("taken")
        } catch {
            #expect(error.reason.rawValue == reason)
        }
    }

    @Test("Cut off anywhere or with any byte changed, an answer is refused or read, never a crash")
    func mutations() {
        let whole = Bytes(
            #"{"model":"x","choices":[{"message":{"content":"h\u00e9 \"q\""},"finish_reason":"stop"}],"usage":{"prompt_tokens":3}}"#
                .utf8)
        for length in 0..<whole.count {
            #expect(throws: BadAnswer.self) { try ChatAnswer(parsing: Bytes(whole.prefix(length))) }
        }
        for index in whole.indices {
            for byte in [0, 0x22, 0x5c, 0x7b, 0x5d, 0xff] as Bytes {
                var changed = whole
                changed[index] = byte
                // Read, it is what the JSON that it is now says.
                guard let answer = try? ChatAnswer(parsing: changed) else { continue }
                let json = try? JSONValue(parsing: changed)
                #expect(answer.text == json?["choices"]?.array?.first?["message"]?["content"]?.string ?? "")
            }
        }
    }
}

@Suite("Retry-After")
struct RetryAfterTests {
    @Test(
        "Seconds, milliseconds and dates; nonsense is as good as nothing",
        arguments: [
            ([("Retry-After", "7")], 7), ([("Retry-After", " 1.5 ")], 1.5), ([("retry-after-ms", "250")], 0.25),
            ([("Retry-After", "Thu, 01 Jan 1970 00:02:00 GMT")], 20),
            ([("Retry-After", "Thu, 01 Jan 1970 00:00:10 GMT")], 0),
            ([("Retry-After", "Sun, 06 Nov 1994 08:49:40 GMT"), ("Date", "Sun, 06 Nov 1994 08:49:37 GMT")], 3),
            ([("Retry-After", "soon")], nil), ([("Retry-After", "-3")], nil), ([("Retry-After", "inf")], nil),
            ([("Retry-After", "nan")], nil), ([], nil), ([("Retry-After", "Sun, 99 Nov 1994 08:49:40 GMT")], nil),
        ] as [([(String, String)], Double?)])
    func seconds(headers: [(String, String)], expected: Double?) {
        #expect(RetryAfter.seconds(HTTPHeaders(headers), now: 100) == expected)
    }

    @Test("The calendar is right over leap years")
    func calendar() {
        #expect(RetryAfter.date("Sun, 06 Nov 1994 08:49:37 GMT") == 784_111_777)
        #expect(RetryAfter.date("Thu, 29 Feb 2024 00:00:00 GMT") == 1_709_164_800)
        #expect(RetryAfter.date("Sat, 01 Jan 2000 00:00:00 GMT") == 946_684_800)
    }
}

@Suite("Endpoint, proxy and secrets")
struct EndpointTests {
    @Test(
        "A base URL with or without slash, path and port",
        arguments: [
            ("http://h:8000", "http://h:8000/v1/x", "http://h:8000/health"),
            ("http://h:8000/", "http://h:8000/v1/x", "http://h:8000/health"),
            ("http://h:8000/v1", "http://h:8000/v1/x", "http://h:8000/health"),
            ("HTTP://h/v1//", "http://h:80/v1/x", "http://h:80/health"),
            (
                "https://api.example.com/openai/v1/", "https://api.example.com:443/openai/v1/x",
                "https://api.example.com:443/openai/health"
            ),
            ("https://h/v1/chat/completions", "https://h:443/v1/x", "https://h:443/health"),
            ("http://[::1]:9/api", "http://[::1]:9/api/x", "http://[::1]:9/api/health"),
        ])
    func urls(base: String, api: String, root: String) throws {
        let endpoint = try Endpoint(base)
        #expect(endpoint.api("/x") == api)
        #expect(endpoint.root("/health") == root)
    }

    @Test(
        "What is no base URL is refused, and a password in it is not repeated",
        arguments: [
            "", "h:80", "ftp://h", "http://", "http://h:0", "http://h:x", "http://u:hunter2@h", "http://h/?a=1",
            "http://a b/", "http://h/é",
        ])
    func refused(base: String) {
        do throws(EndpointError) {
            _ = try Endpoint(base)
            Issue.record("taken")
        } catch {
            #expect(!error.message.isEmpty)
            #expect(!error.message.contains("hunter2"))
        }
    }

    @Test("The proxy is the environment's, by scheme; exceptions and this machine are direct")
    func proxies() throws {
        let secure = try Endpoint("https://api.example.com")
        let plain = try Endpoint("http://api.example.com")
        let both = ["HTTPS_PROXY": "http://u:p%40x@p1:3128", "http_proxy": "p2:80"]
        let first = try ProxyChoice(for: secure, environment: both)
        #expect(first?.host == "p1")
        #expect(first?.port == 3128)
        #expect(first?.user == "u")
        #expect(first?.password == "p@x")
        #expect(try ProxyChoice(for: plain, environment: both)?.host == "p2")
        #expect(try ProxyChoice(for: plain, environment: ["ALL_PROXY": "socks5://s"])?.isSOCKS == true)
        #expect(try ProxyChoice(for: plain, environment: [:]) == nil)
        #expect(try ProxyChoice(for: try Endpoint("http://localhost:1"), environment: both) == nil)
        #expect(throws: EndpointError.self) {
            try ProxyChoice(for: plain, environment: ["http_proxy": "https://p"])
        }
    }

    @Test(
        "Exceptions from the proxy",
        arguments: [
            ("*", true), ("example.com", true), (".example.com", true), ("*.example.com", true), ("ample.com", false),
            ("api.example.com:443", true), ("api.example.com:80", false), ("other.com, api.example.com", true),
            ("", false),
            ("::1", false),
        ])
    func exceptions(list: String, isDirect: Bool) {
        #expect(ProxyChoice.isDirect(host: "API.example.com", port: 443, exceptions: list) == isDirect)
    }

    @Test("A key is read from the environment and never shown")
    func secrets() throws {
        let configuration = try ClientConfiguration(
            url: "http://h", apiKeyVariable: "KEY", environment: ["KEY": " sk-12345678 \n"])
        #expect(configuration.apiKey == Secret("sk-12345678"))
        var dumped = ""
        dump(configuration.apiKey, to: &dumped)
        #expect(!dumped.contains("12345678"))
        #expect(!String(describing: configuration.apiKey).contains("12345678"))
        #expect(configuration.apiKey?.redact("key sk-12345678, sk-12345678.") == "key (secret), (secret).")
        #expect(try ClientConfiguration(url: "http://h", apiKeyVariable: "KEY", environment: [:]).apiKey == nil)
        #expect(throws: EndpointError.self) {
            try ClientConfiguration(url: "http://h", apiKeyVariable: "KEY", environment: ["KEY": "a\r\nb"])
        }
    }
}
