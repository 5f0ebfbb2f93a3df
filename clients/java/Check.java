import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpHeaders;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.Callable;

/**
 * Runs TokenClient against the published vectors and the common table of cases.
 *
 * <pre>Check --url URL --credentials FILE --vectors DIR --cases FILE [--server-keys FILE]</pre>
 *
 * Prints a line a check, and exits with 1 if one failed.
 */
public final class Check {
    private static final HttpHeaders NO_HEADERS = HttpHeaders.of(Map.of(), (name, value) -> true);
    private static int passed = 0;
    private static int failed = 0;

    public static void main(String[] arguments) throws Exception {
        var options = new HashMap<String, String>();
        for (int at = 0; at + 1 < arguments.length; at += 2) {
            options.put(arguments[at], arguments[at + 1]);
        }
        if (!options.keySet().containsAll(List.of("--url", "--credentials", "--vectors", "--cases"))) {
            System.err.println("Check --url URL --credentials FILE --vectors DIR --cases FILE [--server-keys FILE]");
            System.exit(2);
        }
        var vectors = Path.of(options.get("--vectors"));
        for (var vector : objects(read(vectors.resolve("request.json")).get("vectors"))) {
            check("request vector " + vector.get("name"), () -> requestFault(vector));
        }
        for (var vector : objects(read(vectors.resolve("answer.json")).get("vectors"))) {
            check("answer vector " + vector.get("name"), () -> answerFault(vector));
        }
        for (var vector : objects(read(vectors.resolve("session-key.json")).get("vectors"))) {
            check("session-key vector " + vector.get("name"), () -> sessionKeyFault(vector));
        }
        var file = read(Path.of(options.get("--cases")));
        var serverKeys = options.get("--server-keys");
        var table = new Table(
            options.get("--url"), read(Path.of(options.get("--credentials"))), object(file.get("request")),
            serverKeys == null ? null : object(read(Path.of(serverKeys)).get("token")));
        for (var one : objects(file.get("cases"))) {
            check("case: " + one.get("name"), () -> table.caseFault(one));
        }
        for (var input : objects(file.get("inputs"))) {
            check("input: " + input.get("name"), () -> table.inputFault(input));
        }
        System.out.println(passed + " passed, " + failed + " failed");
        System.exit(failed > 0 || passed == 0 ? 1 : 0);
    }

    /** Counts a check, whose fault is null if it holds, and prints its line. */
    private static void check(String name, Callable<String> check) {
        String fault;
        try {
            fault = check.call();
        } catch (Exception error) {
            fault = error.toString();
        }
        System.out.println(fault == null ? "ok     " + name : "FAILED " + name + ": " + fault);
        passed += fault == null ? 1 : 0;
        failed += fault == null ? 0 : 1;
    }

    private static Map<String, Object> read(Path file) throws IOException {
        return TokenClient.Json.object(Files.readString(file));
    }

    @SuppressWarnings("unchecked")
    private static Map<String, Object> object(Object value) {
        return value == null ? Map.of() : (Map<String, Object>) value;
    }

    @SuppressWarnings("unchecked")
    private static List<Map<String, Object>> objects(Object value) {
        return value == null ? List.of() : (List<Map<String, Object>>) value;
    }

    private static Map<String, Object> over(Map<String, Object> under, Map<String, Object> members) {
        var all = new LinkedHashMap<>(under);
        all.putAll(members);
        return all;
    }

    /** A client that has the vector's keys. */
    private static TokenClient holderOf(Object keys) throws Exception {
        var credentials = Map.of(
            "partnerId", "vectors", "apiKey", "vectors-api-key", "sdkApiKey", "vectors-sdk-api-key",
            "payloadKeys", Map.of("keys", keys));
        return new TokenClient(TokenClient.Json.write(credentials), "http://127.0.0.1:9");
    }

    private static TokenClient holderOf(Map<String, Object> vector) throws Exception {
        return holderOf(vector.getOrDefault("keys", List.of(vector.getOrDefault("key", Map.of()))));
    }

    /** A fault, unless the call throws something that says why. */
    private static String refusal(Callable<?> call) throws Exception {
        try {
            call.call();
        } catch (IllegalArgumentException | TokenClient.InputException error) {
            return error.getMessage() == null ? "the error says nothing" : null;
        }
        return "was not refused";
    }

    /** Opens the vector as the service does, and seals it again under its own IV. */
    private static String requestFault(Map<String, Object> vector) throws Exception {
        var jwe = (String) vector.get("jwe");
        if (vector.get("valid").equals(false)) {
            var client = holderOf(vector);
            return refusal(() -> client.decrypt(jwe));
        }
        var plaintext = holderOf(vector).decrypt(jwe);
        if (!new String(plaintext, StandardCharsets.UTF_8).equals(vector.get("plaintextUtf8"))) {
            return "opens to something else";
        }
        var sealer = holderOf(List.of(vector.get("key")));
        var header = (String) vector.get("headerUtf8");
        if (header.equals("{\"alg\":\"dir\",\"enc\":\"A256GCM\"}")) {
            sealer.omitKid();
        } else if (!header.equals("{\"alg\":\"dir\",\"enc\":\"A256GCM\",\"kid\":\"" + object(vector.get("key")).get("kid") + "\"}")) {
            return null; // a header to be read; the client writes its own
        }
        var again = sealer.seal(plaintext, TokenClient.decode((String) vector.get("ivBase64url")));
        return again.equals(jwe) ? null : "is sealed as " + again;
    }

    /** Reads the vector as the service's answer to a call. */
    private static String answerFault(Map<String, Object> vector) throws Exception {
        var valid = vector.get("valid").equals(true);
        var status = ((Long) vector.get("httpStatus")).intValue();
        try {
            var answer = holderOf(vector)
                .read((String) vector.get("expectedReferenceId"), status, NO_HEADERS, (String) vector.get("jwe"));
            if (!valid) {
                return "was not refused";
            }
            var said = TokenClient.Json.object((String) vector.get("plaintextUtf8"));
            var same = answer.token().equals(said.get("token")) && answer.serverPubKey().equals(said.get("serverPubKey"))
                && said.get("expireAt").equals(answer.expireAt().toEpochMilli());
            return same ? null : "gives " + answer;
        } catch (TokenClient.UnreadableAnswerException error) {
            return valid ? error.getMessage() : null;
        } catch (TokenClient.RefusedException error) {
            if (!valid) {
                // What is not encrypted may still be read as a hint, if it is no success.
                return !error.authenticated && status != 200 ? null : "was not refused";
            }
            var said = TokenClient.Json.object((String) vector.get("plaintextUtf8"));
            var code = said.get("resCode") instanceof Long number ? String.format("TOK%03d", number) : said.get("resCode");
            var errors = objects(said.get("errors")).stream()
                .map(entry -> new TokenClient.FieldError((String) entry.get("field"), (String) entry.get("reason"))).toList();
            var same = error.code.equals(code) && error.errors.equals(errors) && error.authenticated;
            return same ? null : "gives " + error.getMessage();
        }
    }

    private static String sessionKeyFault(Map<String, Object> vector) throws Exception {
        var pair = TokenClient.SdkKeyPair.fromJwk(TokenClient.Json.write(vector.get("sdkPrivateKey")));
        var serverPubKey = (String) vector.get("serverPubKey");
        if (vector.get("valid").equals(false)) {
            return refusal(() -> pair.sessionKey(serverPubKey));
        }
        if (!HexFormat.of().formatHex(pair.sessionKey(serverPubKey)).equals(vector.get("keyHex"))) {
            return "derives another key";
        }
        return pair.publicKey().equals(vector.get("sdkPublicKey")) ? null : "has another sdkPublicKey: " + pair.publicKey();
    }

    /** Runs the table's cases in their order: some refer to earlier ones. What its members mean is in it, under "about". */
    private static final class Table {
        private final String url;
        private final Map<String, Object> credentials;
        private final Map<String, Object> request;
        private final Map<String, Object> tokenKeys; // the service's, to open tokens with; or null
        private final TokenClient.SdkKeyPair sdk = TokenClient.SdkKeyPair.generate();
        private final String started = Long.toHexString(System.nanoTime());
        private final Map<String, String> references = new HashMap<>();
        private final Map<String, TokenClient.Answer> answers = new HashMap<>();

        Table(String url, Map<String, Object> credentials, Map<String, Object> request, Map<String, Object> tokenKeys) {
            this.url = url;
            this.credentials = credentials;
            this.request = request;
            this.tokenKeys = tokenKeys;
        }

        private TokenClient client(Map<String, Object> change, String to) throws TokenClient.InputException {
            return new TokenClient(TokenClient.Json.write(over(credentials, change)), to);
        }

        String caseFault(Map<String, Object> one) throws Exception {
            var name = (String) one.get("name");
            var id = started + "n" + references.size();
            var front = one.get("front") instanceof List<?> steps
                ? url + "/front/" + String.join(".", steps.stream().map(String::valueOf).toList()) + "/" + id : url;
            var change = new LinkedHashMap<>(object(one.get("credentials")));
            if (one.get("keys") instanceof List<?> places) {
                var ring = objects(object(credentials.get("payloadKeys")).get("keys"));
                change.put("payloadKeys", Map.of("keys", places.stream().map(at -> ring.get(((Long) at).intValue())).toList()));
            }
            var client = client(change, (String) one.getOrDefault("url", front));
            if (Boolean.FALSE.equals(one.get("kid"))) {
                client.omitKid();
            }
            if ("legacy".equals(one.get("path"))) {
                client.legacyPath();
            }
            var reference = one.containsKey("sameReferenceId") ? references.get(one.get("sameReferenceId"))
                : (String) one.getOrDefault("referenceId", "java-" + id);
            references.put(name, reference);
            var sent = over(request, Map.of("referenceId", reference, "sdkPublicKey", sdk.publicKey()));
            sent.putAll(object(one.get("change")));
            sent.values().removeIf(Objects::isNull);
            if (one.get("filler") instanceof Long size) {
                sent.put("filler", "a".repeat(size.intValue()));
            }

            TokenClient.Answer answer = null;
            String requestId = null;
            TokenClient.TokenException error = null;
            var warned = new ArrayList<String>();
            var handler = new java.util.logging.Handler() {
                @Override
                public void publish(java.util.logging.LogRecord line) {
                    warned.add(line.getMessage());
                }

                @Override
                public void flush() {}

                @Override
                public void close() {}
            };
            var logger = java.util.logging.Logger.getLogger("TokenClient");
            logger.setUseParentHandlers(false);
            logger.addHandler(handler);
            var began = System.nanoTime();
            try {
                if ("invalidate".equals(one.get("call"))) {
                    requestId = client.invalidate(reference);
                } else if ("renew".equals(one.get("call"))) {
                    answer = renew(client, answers.get(one.get("sameReferenceId")), sent);
                } else {
                    answer = one.containsKey("body")
                        ? client.send(reference, body(client, (String) one.get("body"), sent))
                        : client.getToken(sent);
                }
            } catch (TokenClient.TokenException thrown) {
                error = thrown;
            }
            var took = (System.nanoTime() - began) / 1e9;
            logger.removeHandler(handler);

            var expect = object(one.get("expect"));
            var warns = (List<?>) expect.getOrDefault("warns", List.of());
            if (warned.isEmpty() != warns.isEmpty() || !hasAll(String.join("\n", warned), warns)) {
                return "warns " + warned;
            }
            if (error != null && !hasAll(error.getMessage(), (List<?>) expect.getOrDefault("mentions", List.of()))) {
                return error.getMessage();
            }
            if (expect.get("atLeastSeconds") instanceof Long least && took < least
                || expect.get("atMostSeconds") instanceof Long most && took > most) {
                return "took " + took + " s";
            }
            if (expect.containsKey("calls")) {
                var seen = HttpClient.newHttpClient()
                    .send(HttpRequest.newBuilder(URI.create(front)).build(), HttpResponse.BodyHandlers.ofString());
                var calls = TokenClient.Json.object(seen.body()).get("calls");
                if (!expect.get("calls").equals(calls)) {
                    return "made " + calls + " calls instead of " + expect.get("calls");
                }
            }
            if (expect.containsKey("invalidated")) {
                return requestId == null || requestId.isEmpty() ? "gives no request's id: " + error : null;
            }
            return expect.containsKey("token") ? tokenFault(name, expect, sent, answer, error) : errorFault(expect, error);
        }

        private TokenClient.Answer renew(TokenClient client, TokenClient.Answer last, Map<String, Object> sent)
            throws TokenClient.TokenException {
            var presented = new TokenClient.Answer(last.referenceId(), (String) sent.getOrDefault("token", last.token()),
                last.serverPubKey(), last.expireAt(), last.replayed(), last.requestId());
            return client.renew(presented, sdk.sessionKey(last.serverPubKey()), (String) sent.get("accountNumber"));
        }

        private String body(TokenClient client, String kind, Map<String, Object> sent) {
            var plaintext = TokenClient.Json.write(over(Map.of("sdkApiKey", credentials.get("sdkApiKey")), sent));
            var jwe = client.encrypt(plaintext.getBytes(StandardCharsets.UTF_8));
            var middle = (jwe.length() - jwe.indexOf("..")) / 2 + jwe.indexOf("..");
            var other = jwe.charAt(middle) == 'A' ? 'B' : 'A';
            return switch (kind) {
                case "plain" -> plaintext;
                case "quoted" -> "\"" + jwe + "\"";
                case "truncated" -> jwe.substring(0, jwe.length() - 30);
                case "tampered" -> jwe.substring(0, middle) + other + jwe.substring(middle + 1);
                default -> throw new IllegalArgumentException("the table has an unknown body: " + kind);
            };
        }

        private String tokenFault(
            String name, Map<String, Object> expect, Map<String, Object> sent, TokenClient.Answer answer,
            TokenClient.TokenException error) throws Exception {
            if (error != null) {
                return error.toString();
            }
            if (!expect.get("replayed").equals(answer.replayed())) {
                return "replayed is " + answer.replayed();
            }
            if (!answer.referenceId().equals(sent.get("referenceId")) || !answer.expireAt().isAfter(Instant.now())
                || answer.requestId().isEmpty()) {
                return "gives " + answer;
            }
            if (expect.containsKey("sameTokenAs")) {
                var first = answers.get(expect.get("sameTokenAs"));
                if (first == null || !first.token().equals(answer.token()) || !first.serverPubKey().equals(answer.serverPubKey())
                    || !first.expireAt().equals(answer.expireAt())) {
                    return "gives another token than the first time";
                }
            } else if (answers.values().stream().anyMatch(earlier -> earlier.token().equals(answer.token()))) {
                return "gives the token of an earlier case";
            }
            answers.put(name, answer);
            var sessionKey = sdk.sessionKey(answer.serverPubKey());
            if (tokenKeys == null) {
                return null;
            }
            var opened = client(Map.of("payloadKeys", tokenKeys), url).decrypt(answer.token());
            var claims = TokenClient.Json.object(new String(opened, StandardCharsets.UTF_8));
            if (!claims.get("sub").equals(String.valueOf(sent.get("accountNumber")))) {
                return "the token is for " + claims.get("sub");
            }
            var inToken = object(object(claims.get("cnf")).get("jwk")).get("k");
            return TokenClient.encode(sessionKey).equals(inToken) ? null : "the token has another session key than the SDK";
        }

        String inputFault(Map<String, Object> input) throws Exception {
            var members = over(credentials, object(input.get("credentials")));
            var text = (String) input.getOrDefault("credentialsText", TokenClient.Json.write(members));
            Exception error = null;
            try {
                var client = new TokenClient(text, (String) input.getOrDefault("url", "https://api.example.com"));
                if (input.get("open") instanceof String open) {
                    try {
                        client.decrypt(open);
                    } catch (IllegalArgumentException thrown) {
                        error = thrown;
                    }
                }
            } catch (TokenClient.InputException thrown) {
                error = thrown;
            }
            if (error == null) {
                return "was not refused";
            }
            for (var mention : (List<?>) input.get("mentions")) {
                if (!error.getMessage().toLowerCase().contains(String.valueOf(mention).toLowerCase())) {
                    return "does not mention \"" + mention + "\": " + error.getMessage();
                }
            }
            var secrets = new ArrayList<Object>();
            secrets.add(members.get("apiKey"));
            if (members.get("payloadKeys") instanceof Map<?, ?> ring) {
                objects(ring.get("keys")).forEach(key -> secrets.add(key.get("k")));
            }
            for (var secret : secrets) {
                if (secret != null && (error + " " + error.getCause()).contains((String) secret)) {
                    return "the error shows a key";
                }
            }
            return null;
        }
    }

    private static boolean hasAll(String text, List<?> pieces) {
        return pieces.stream().allMatch(piece -> text.contains(String.valueOf(piece)));
    }

    private static String errorFault(Map<String, Object> expect, TokenClient.TokenException error) {
        var got = new HashMap<String, Object>();
        if (error == null) {
            return "there was no error";
        }
        got.put("retryable", error.retryable);
        if (error instanceof TokenClient.InputException) {
            got.put("error", "input");
        } else if (error instanceof TokenClient.NoAnswerException) {
            got.put("error", "no-answer");
        } else if (error instanceof TokenClient.UnreadableAnswerException unreadable) {
            got.put("error", "unreadable-answer");
            got.put("status", (long) unreadable.httpStatus);
        } else if (error instanceof TokenClient.RefusedException refused) {
            got.put("error", "refused");
            got.put("status", (long) refused.httpStatus);
            got.put("code", refused.code);
            got.put("fields", refused.errors.stream().map(TokenClient.FieldError::field).sorted().toList());
            got.put("reasons", refused.errors.stream().map(TokenClient.FieldError::reason).sorted().toList());
            got.put("authenticated", refused.authenticated);
            got.put("retryAfter", refused.retryAfter.toSeconds());
        }
        for (var member : expect.entrySet()) {
            var wanted = member.getValue() instanceof List<?> list
                ? list.stream().map(String::valueOf).sorted().toList() : member.getValue();
            var measured = List.of("calls", "atLeastSeconds", "atMostSeconds", "mentions", "warns").contains(member.getKey());
            if (!measured && !Objects.equals(got.get(member.getKey()), wanted)) {
                return member.getKey() + " is " + got.get(member.getKey()) + " instead of " + wanted + ": " + error.getMessage();
            }
        }
        return null;
    }
}
