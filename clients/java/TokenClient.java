// SPDX-License-Identifier: MIT-0
import java.io.IOException;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpHeaders;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.AlgorithmParameters;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyPairGenerator;
import java.security.MessageDigest;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.SecureRandom;
import java.security.interfaces.ECPublicKey;
import java.security.spec.ECFieldFp;
import java.security.spec.ECGenParameterSpec;
import java.security.spec.ECParameterSpec;
import java.security.spec.ECPoint;
import java.security.spec.ECPrivateKeySpec;
import java.security.spec.ECPublicKeySpec;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.Supplier;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.crypto.AEADBadTagException;
import javax.crypto.Cipher;
import javax.crypto.KeyAgreement;
import javax.crypto.spec.GCMParameterSpec;
import javax.crypto.spec.SecretKeySpec;

/**
 * Asks the token service for tokens, and ends their sessions, on a partner's server.
 *
 * <p>Copy this file. It needs Java 17 or newer and nothing else. To try your credentials:
 * {@code java TokenClient.java credentials.json https://api.example.com/prod}
 *
 * <pre>{@code
 * var client = TokenClient.load(Path.of("credentials.json"), "https://api.example.com/prod");
 * var answer = client.getToken(Map.of(
 *     "referenceId", id,                  // yours: a UUID, stored before the call, so that a repeat gets the same token
 *     "sdkPublicKey", fromTheSdk,         // as the app sent it
 *     "accountNumber", "123123123123"));  // digits, in a string
 * }</pre>
 *
 * <p>Then give {@code answer.serverPubKey()} and {@code answer.token()} to the app. The other members are in
 * docs/protocol.md. At logout: {@code client.invalidate(id)}.
 *
 * <p>A call encrypts with the first payload key of the credentials, opens the answer with any of them, and tries again by
 * itself where that can help. Every error is a {@link TokenException} of one of four kinds, which says what to do.
 * Where it is {@code retryable}, the same call may succeed later; make it with the same referenceId.
 *
 * <p>To rotate a payload key, put the new key first in the credentials file, once the operator says that the service has it,
 * and take the old one out when no call that used it is under way.
 *
 * <p>A client may be used by several threads, once its options are set.
 */
@SuppressWarnings("serial") // its exceptions are not for storing
public final class TokenClient {
    private static final String PATH = "/token-service/client/server/new/v2/token";
    private static final String LEGACY_PATH = "/token-service/client/server/new/token";
    private static final Set<Integer> RETRYABLE = Set.of(429, 502, 503, 504);
    private static final int IV_BYTES = 12;
    private static final int TAG_BYTES = 16;
    private static final SecureRandom RANDOM = new SecureRandom();

    private record PayloadKey(String kid, SecretKeySpec key) {}

    private final String url;
    private final String apiKey;
    private final String sdkApiKey;
    private final List<PayloadKey> keys;
    private String path = PATH;
    private boolean omitKid = false;
    private int attempts = 4;
    private Duration maxPause = Duration.ofSeconds(30);
    private Duration timeout = Duration.ofSeconds(30); // of an attempt; API Gateway itself waits for 29 s
    private final HttpClient http = HttpClient.newBuilder()
        .connectTimeout(Duration.ofSeconds(5))
        .followRedirects(HttpClient.Redirect.NEVER) // the API key is for this server only
        .build();

    /** Gets one token for a made-up customer, and plays the SDK. */
    public static void main(String[] arguments) {
        if (arguments.length < 1 || arguments.length > 2) {
            System.err.println("java TokenClient.java CREDENTIALS_FILE [URL]");
            System.exit(2);
        }
        try {
            var client = load(Path.of(arguments[0]), arguments.length > 1 ? arguments[1] : null);
            var sdk = SdkKeyPair.generate();
            var answer = client.getToken(Map.of("sdkPublicKey", sdk.publicKey(), "accountNumber", "123123123"));
            sdk.sessionKey(answer.serverPubKey());
            System.out.println("A token for referenceId " + answer.referenceId() + ", valid until " + answer.expireAt()
                + ". The SDK's session key could be derived.");
        } catch (TokenException error) {
            System.err.println(error.getMessage());
            System.exit(1);
        }
    }

    /** Reads a credentials file. Where {@code url} is null it is the file's own. */
    public static TokenClient load(Path file, String url) throws InputException {
        byte[] credentials;
        try {
            credentials = Files.readAllBytes(file);
        } catch (IOException error) {
            throw new InputException("the credentials cannot be read: " + error, error);
        }
        try {
            return new TokenClient(utf8(credentials), url);
        } catch (InputException | IllegalArgumentException error) {
            throw new InputException(file + ": " + error.getMessage(), error);
        }
    }

    /** Makes a client of the text of a credentials file. */
    public TokenClient(String credentials, String url) throws InputException {
        try {
            // PowerShell and editors of Windows begin a file with a byte order mark.
            var file = Json.object(credentials.startsWith("\uFEFF") ? credentials.substring(1) : credentials);
            this.url = Input.url(url != null ? url : file.getOrDefault("url", ""));
            Input.visible("partnerId", file.get("partnerId"));
            this.apiKey = Input.visible("apiKey", file.get("apiKey"));
            this.sdkApiKey = Input.visible("sdkApiKey", file.get("sdkApiKey"));
            this.keys = Input.payloadKeys(file.get("payloadKeys"));
        } catch (IllegalArgumentException error) {
            throw new InputException("the credentials: " + error.getMessage(), error);
        }
    }

    /** Calls the first version's path, whose resCode is a number. What a call gives is the same on both. */
    public TokenClient legacyPath() {
        path = LEGACY_PATH;
        return this;
    }

    /** Leaves the key's name out of requests: the service then tries each of your keys. */
    public TokenClient omitKid() {
        omitKid = true;
        return this;
    }

    /**
     * How often a call is tried, 4 unless set; how long each may take, 30 s; and the longest pause between two, 30 s. If the
     * service asks for a longer one, the call ends.
     */
    public TokenClient retries(int attempts, Duration timeout, Duration maxPause) {
        this.attempts = attempts;
        this.timeout = timeout;
        this.maxPause = maxPause;
        return this;
    }

    /**
     * A token.
     *
     * @param referenceId the one that was asked for; getToken has checked it
     * @param token for the SDK; nobody else can read it
     * @param serverPubKey for the SDK: see {@link SdkKeyPair#sessionKey}
     * @param expireAt the SDK renews the token before then
     * @param replayed an earlier call with this referenceId made this token
     * @param requestId for the operator, if you have a question
     */
    public record Answer(
        String referenceId, String token, String serverPubKey, Instant expireAt, boolean replayed, String requestId) {}

    /**
     * Asks for a token. Adds sdkApiKey from the credentials, and a random referenceId if there is none: give your own, so that
     * you can repeat the call after a crash. Values are strings, integers, null and, for data, a map of strings. Members that
     * are wrong are the service's to name: see {@link RefusedException#errors}. It ignores those whose names it does not
     * know: of a name that is probably misspelt, the {@link System.Logger} of this class has a warning.
     */
    public Answer getToken(Map<String, ?> request) throws TokenException {
        var members = new LinkedHashMap<String, Object>();
        members.put("sdkApiKey", sdkApiKey);
        members.put("referenceId", UUID.randomUUID().toString());
        members.putAll(request);
        byte[] plaintext;
        try {
            plaintext = Json.write(members).getBytes(StandardCharsets.UTF_8);
        } catch (IllegalArgumentException error) {
            throw new InputException("the request cannot be written as JSON: " + error.getMessage(), error);
        }
        for (var name : members.keySet()) {
            var meant = Hints.meant(name);
            if (meant != null) {
                System.getLogger(TokenClient.class.getName()).log(System.Logger.Level.WARNING,
                    quoted(name) + " is ignored. Is " + meant + " meant? Names are compared exactly");
            }
        }
        var referenceId = members.get("referenceId") instanceof String text ? text : "";
        var call = new Call<>("server/new", referenceId, apiKeyAlone(), keys, TokenClient::answer);
        try {
            // Encrypted anew for each try: every body has an IV of its own.
            return retry(call, () -> encrypt(plaintext));
        } catch (RefusedException refused) {
            throw refused.about(members);
        }
    }

    /** getToken for a body that was encrypted before, as it is. */
    public Answer send(String referenceId, String body) throws TokenException {
        return retry(new Call<>("server/new", referenceId, apiKeyAlone(), keys, TokenClient::answer), () -> body);
    }

    /**
     * Ends the session that getToken began with this referenceId: at logout, or after a timeout of your own. Its token can no
     * longer be renewed, and resource servers learn that it is inactive. To invalidate again changes nothing.
     *
     * @return the request's id, for the operator
     * @throws RefusedException TOK404 with the reason unknown if there is no such session: it has ended, or never was yours
     */
    public String invalidate(String referenceId) throws TokenException {
        byte[] plaintext;
        try {
            var text = referenceId == null ? "" : referenceId;
            plaintext = Json.write(Map.of("tokenReferenceId", text)).getBytes(StandardCharsets.UTF_8);
        } catch (IllegalArgumentException error) {
            throw new InputException("the referenceId cannot be written as JSON: " + error.getMessage(), error);
        }
        return retry(new Call<>("server/invalidate", referenceId, apiKeyAlone(), keys, TokenClient::invalidated),
            () -> encrypt(plaintext));
    }

    /**
     * Renews a token as the SDK does: for tests without the app. All tries present one token, so that they get one new one.
     *
     * @param answer of getToken, or of the renewal before
     * @param sessionKey of {@link SdkKeyPair}
     * @param accountNumber the request's
     * @return token and expireAt are new
     */
    public Answer renew(Answer answer, byte[] sessionKey, String accountNumber) throws TokenException {
        Map<String, String> headers;
        try {
            check(sessionKey.length == 32, "the session key must have 32 bytes");
            headers = Map.of("X-API-KEY", sdkApiKey, "X-API-TOKEN", Input.visible("token", answer.token),
                "X-ACCOUNT-NUMBER", Input.visible("accountNumber", accountNumber));
        } catch (IllegalArgumentException error) {
            throw new InputException(error.getMessage(), error);
        }
        var key = new PayloadKey(null, new SecretKeySpec(sessionKey, "AES"));
        var plaintext = Json.write(Map.of("token", answer.token)).getBytes(StandardCharsets.UTF_8);
        var call = new Call<>("app/renew", answer.referenceId, headers, List.of(key), (said, replayed, requestId) -> {
            said.put("serverPubKey", answer.serverPubKey);
            return answer(said, replayed, requestId);
        });
        return retry(call, () -> seal(plaintext, randomIv(), key, true));
    }

    /** What the calls differ in: the path, the headers, the keys that open the answer, and what a success holds. */
    private record Call<T>(
        String operation, String referenceId, Map<String, String> headers, List<PayloadKey> keys, Reading<T> reading) {}

    /** Makes a success's members into what the caller gets. Throws IllegalArgumentException if it is not what was asked for. */
    private interface Reading<T> {
        T read(Map<String, Object> said, boolean replayed, String requestId);
    }

    private Map<String, String> apiKeyAlone() {
        return Map.of("X-API-KEY", apiKey);
    }

    /** What getToken and renew give. */
    private static Answer answer(Map<String, Object> said, boolean replayed, String requestId) {
        if (said.get("referenceId") instanceof String referenceId && said.get("token") instanceof String token
            && !token.isEmpty() && said.get("serverPubKey") instanceof String key && !key.isEmpty()
            && said.get("expireAt") instanceof Long expireAt) {
            return new Answer(referenceId, token, key, Instant.ofEpochMilli(expireAt), replayed, requestId);
        }
        throw new IllegalArgumentException("it lacks referenceId, token, serverPubKey or expireAt");
    }

    /** What invalidate gives. getToken's answer to the same referenceId opens with the same key, and must not pass for it. */
    private static String invalidated(Map<String, Object> said, boolean replayed, String requestId) {
        check(said.get("referenceId") != null && !said.containsKey("token"), "it is not the answer to an invalidation");
        return requestId;
    }

    /**
     * Tries until there is an answer that another try would not change. All tries have one referenceId, so that they have one
     * effect however many of them reached the service.
     */
    private <T> T retry(Call<T> call, Supplier<String> body) throws TokenException {
        for (int attempt = 1; ; attempt++) {
            try {
                return call(call, body.get());
            } catch (TokenException error) {
                // Doubled from 0.2 s, half of it random, so that clients that failed together do not come back together.
                long longest = 100L << Math.min(attempt, 10);
                var pause = Duration.ofMillis(ThreadLocalRandom.current().nextLong(longest / 2, longest));
                if (error instanceof RefusedException refused) {
                    pause = pause.plus(refused.retryAfter);
                }
                if (!error.retryable || attempt >= attempts || pause.compareTo(maxPause) > 0) {
                    throw error;
                }
                try {
                    Thread.sleep(pause.toMillis());
                } catch (InterruptedException interrupted) {
                    Thread.currentThread().interrupt();
                    throw error;
                }
            }
        }
    }

    /** Tries once. */
    private <T> T call(Call<T> call, String body) throws TokenException {
        // All paths are made alike, those of the first version too.
        var request = HttpRequest.newBuilder(URI.create(url + path.replace("server/new", call.operation)))
            .timeout(timeout)
            .header("Content-Type", "text/plain")
            .POST(HttpRequest.BodyPublishers.ofString(body));
        call.headers.forEach(request::header);
        try {
            var response = http.send(request.build(), HttpResponse.BodyHandlers.ofString());
            return read(call, response.statusCode(), response.headers(), response.body());
        } catch (IOException error) {
            throw new NoAnswerException(call.referenceId, error);
        } catch (InterruptedException error) {
            Thread.currentThread().interrupt(); // the pause that comes next ends at once, and the call with it
            throw new NoAnswerException(call.referenceId, error);
        }
    }

    /** Makes an answer of getToken, or an exception, of what came. */
    Answer read(String referenceId, int status, HttpHeaders headers, String body) throws TokenException {
        return read(new Call<>("server/new", referenceId, Map.of(), keys, TokenClient::answer), status, headers, body);
    }

    /** Makes a success or an exception of what came. Only what one of the call's keys opens is the service's word. */
    private static <T> T read(Call<T> call, int status, HttpHeaders headers, String body) throws TokenException {
        var referenceId = call.referenceId;
        var requestId = headers.firstValue("X-Request-Id").orElse("");
        var encrypted = status == 200 || body.startsWith("ey");
        Map<String, Object> said = Map.of();
        try {
            said = Json.object(encrypted ? utf8(open(body, call.keys)) : body);
            var echo = said.get("referenceId");
            if (encrypted && echo != null && !echo.equals(referenceId)) {
                throw new IllegalArgumentException("it is the answer to another referenceId: do not use it");
            }
            if (encrypted && codeOf(said.get("resCode")).equals("TOK200")) {
                var replayed = headers.firstValue("Idempotent-Replayed").orElse("").equals("true");
                return call.reading.read(said, replayed, requestId);
            }
        } catch (IllegalArgumentException error) {
            if (encrypted) {
                throw new UnreadableAnswerException(referenceId, status, requestId, error);
            }
        }
        throw refused(referenceId, status, headers, said, encrypted);
    }

    /** resCode, which the legacy path sends as a number: 100 is TOK200, and 2 is TOK002. */
    private static String codeOf(Object resCode) {
        if (resCode instanceof Long number) {
            return number == 100 ? "TOK200" : String.format("TOK%03d", number);
        }
        return resCode instanceof String code ? code : "";
    }

    private static RefusedException refused(
        String referenceId, int status, HttpHeaders headers, Map<String, Object> said, boolean encrypted) {
        var errors = new ArrayList<FieldError>();
        for (var entry : said.get("errors") instanceof List<?> list ? list : List.of()) {
            if (entry instanceof Map<?, ?> map && map.get("field") instanceof String field
                && map.get("reason") instanceof String reason) {
                errors.add(new FieldError(field, reason));
            }
        }
        var seconds = headers.firstValue("Retry-After").filter(text -> text.matches("[0-9]{1,6}")).orElse("0");
        return new RefusedException(
            codeOf(said.get("resCode")), status, said.get("resDesc") instanceof String text ? text : "", List.copyOf(errors),
            referenceId, headers.firstValue("X-Request-Id").orElse(""), Duration.ofSeconds(Long.parseLong(seconds)), encrypted,
            Map.of());
    }

    /** What people write instead of what is meant. */
    private static final class Hints {
        /** The members, each with other names that people have for it, without case and marks. */
        private static final String NAMES = """
            referenceId refid refno
            sdkPublicKey publickey
            sdkApiKey sdkkey
            accountNumber account accountid accountno accountnum accno
            firstName givenname
            lastName surname familyname
            name fullname customername
            email mail emailid emailaddress
            isdCode isd countrycode dialcode
            mobileNumber mobile mobileno phone phonenumber telephone
            dob birthdate birthday dateofbirth
            data
            """;
        private static final Set<String> MEMBERS = new HashSet<>(Set.of("firstname", "lastname"));
        private static final Map<String, String> PLAIN = new HashMap<>();

        static {
            for (var line : NAMES.strip().split("\n")) {
                var words = line.strip().split(" ");
                MEMBERS.add(words[0]);
                for (var word : words) {
                    PLAIN.put(word.toLowerCase(Locale.ROOT), words[0]);
                }
            }
        }

        /** The member that an unknown name is probably a misspelling of; else null. */
        static String meant(String name) {
            var plain = name.toLowerCase(Locale.ROOT).replace('\u0131', 'i').replaceAll("[^\\p{L}\\p{N}]", "");
            return MEMBERS.contains(name) ? null : PLAIN.get(plain);
        }

        /** The first character that cannot stand in a member, or the entry of data that breaks a rule. Never the value. */
        static String hint(String name, Object value) {
            if (name.equals("data") && value instanceof Map<?, ?> entries) {
                for (var entry : entries.entrySet()) {
                    if (!(entry.getValue() instanceof String text) || text.codePointCount(0, text.length()) > 1024) {
                        return " (" + quoted(String.valueOf(entry.getKey())) + " has no string of at most 1,024 characters)";
                    }
                }
            }
            var characters = value instanceof String text ? text.codePoints().toArray() : new int[0];
            for (var i = 0; i < characters.length; i++) {
                var c = characters[i];
                var allowed = switch (name) {
                    case "accountNumber", "dob" -> c >= '0' && c <= '9';
                    case "isdCode", "mobileNumber" -> c >= '0' && c <= '9' || i == 0 && c == '+';
                    case "referenceId" -> c < 128 && Character.isLetterOrDigit(c) || "._:-".indexOf(c) >= 0;
                    case "email", "sdkApiKey", "sdkPublicKey" -> c >= '!' && c <= '~';
                    default -> !Character.isISOControl(c);
                };
                if (!allowed) {
                    return String.format(" (U+%04X at character %d)", c, i + 1);
                }
            }
            return "";
        }
    }

    // Errors

    /** Why a call did not succeed. Its message says what to do, and shows no key. */
    public abstract static sealed class TokenException extends Exception {
        /** The request's: repeat the call with it. */
        public final String referenceId;
        /** For the operator; empty if there was no answer. */
        public final String requestId;
        /** Whether the same call, with the same referenceId, may succeed later. */
        public final boolean retryable;

        private TokenException(String message, String referenceId, String requestId, boolean retryable, Throwable cause) {
            super(message, cause);
            this.referenceId = referenceId;
            this.requestId = requestId;
            this.retryable = retryable;
        }
    }

    /** A fault in the credentials, the URL or the request that was found before anything was sent. */
    public static final class InputException extends TokenException {
        private InputException(String message, Throwable cause) {
            super(message, "", "", false, cause);
        }
    }

    /** Nothing came back, or not all of it. The call may have had its effect all the same: repeat it with the same referenceId. */
    public static final class NoAnswerException extends TokenException {
        private NoAnswerException(String referenceId, Exception cause) {
            super("no answer from the token service: " + cause + ". Try again with the same referenceId " + quoted(referenceId),
                referenceId, "", true, cause);
        }
    }

    /** What came is not, or not provably, the service's answer to this call. Do not use it. */
    public static final class UnreadableAnswerException extends TokenException {
        public final int httpStatus;

        private UnreadableAnswerException(String referenceId, int status, String requestId, Exception cause) {
            super("the answer (HTTP " + status + ") cannot be read: " + cause.getMessage() + " [referenceId "
                + quoted(referenceId) + ", request " + quoted(requestId) + "]",
                referenceId, requestId, RETRYABLE.contains(status), cause);
            this.httpStatus = status;
        }
    }

    /** A member of the request, and the rule that it broke. */
    public record FieldError(String field, String reason) {}

    /** The service's answer, if it is no success. */
    public static final class RefusedException extends TokenException {
        /** Such as TOK400; empty if API Gateway or a proxy answered instead of the service. */
        public final String code;
        public final int httpStatus;
        /** For people. */
        public final String description;
        public final List<FieldError> errors;
        /** How long the service asked to wait; zero if it did not. */
        public final Duration retryAfter;
        /** It was encrypted. If not, anybody on the way could have written it: take it as a hint. */
        public final boolean authenticated;

        private RefusedException(
            String code, int status, String description, List<FieldError> errors, String referenceId, String requestId,
            Duration retryAfter, boolean authenticated, Map<String, ?> members) {
            super("the token service answered HTTP " + status + " " + code
                + (description.isEmpty() ? "" : " (" + quoted(description) + ")")
                + String.join("", errors.stream().map(e -> "; " + quoted(e.field) + ": " + quoted(e.reason)
                    + Hints.hint(e.field, members.get(e.field))).toList())
                + ". " + advice(status, code, errors.isEmpty() ? "" : errors.get(0).reason, description)
                + " [referenceId " + quoted(referenceId) + ", request " + quoted(requestId) + "]",
                referenceId, requestId, RETRYABLE.contains(status), null);
            this.code = code;
            this.httpStatus = status;
            this.description = description;
            this.errors = errors;
            this.retryAfter = retryAfter;
            this.authenticated = authenticated;
        }

        /** The same, of a request with these members. */
        private RefusedException about(Map<String, ?> members) {
            return new RefusedException(
                code, httpStatus, description, errors, referenceId, requestId, retryAfter, authenticated, members);
        }
    }

    private static String advice(int status, String code, String reason, String description) {
        if (RETRYABLE.contains(status)) {
            return "Try again later with the same referenceId";
        }
        return switch (code) {
            case "TOK002" -> "Check apiKey in the credentials (for renew: sdkApiKey); if it was just issued, try again in a "
                + "minute; else ask the operator";
            case "TOK422" -> description.startsWith("The body is JSON")
                ? "Send the compact JWE alone, as it is: neither the request's JSON nor JSON with the JWE in it"
                : "No payload key on file for you opens this body: check that the credentials are those "
                + "of this URL, and that the service has the first key of payloadKeys (for renew: that the session key is "
                + "the token's)";
            case "TOK400" -> reason.isEmpty()
                ? "Correct the JSON as a whole, of which no member is named: docs/errors.md (TOK400) has the usual causes"
                : "Correct every member that is named";
            case "TOK004" -> "Check sdkApiKey in the credentials";
            case "TOK409" -> reason.equals("reused")
                ? "Another request had this referenceId: find out why before you take a new one"
                : "The token of this referenceId is no longer valid: ask again under a new referenceId";
            case "TOK401" -> reason.equals("superseded")
                ? "This token was renewed already: use the newest one of its session"
                : "This token cannot be renewed: get a new one under a new referenceId";
            case "TOK003" -> "Do not try again in a loop; report it with the request id";
            default -> status == 413 ? "Send less data"
                : reason.equals("unknown") ? "There is nothing to invalidate: the session has ended, or never was yours"
                : "Check the URL: it ends before " + PATH;
        };
    }

    /** Text of others for a message: quoted, so that it cannot write lines of its own into a log. */
    private static String quoted(String text) {
        return Json.quoted(text);
    }

    // Encryption: compact JWE (RFC 7516) with alg dir and enc A256GCM

    /** Makes the body of a request: the plaintext under the first payload key, with a random IV. */
    public String encrypt(byte[] plaintext) {
        return seal(plaintext, randomIv());
    }

    String seal(byte[] plaintext, byte[] iv) {
        return seal(plaintext, iv, keys.get(0), omitKid);
    }

    private static byte[] randomIv() {
        var iv = new byte[IV_BYTES];
        RANDOM.nextBytes(iv);
        return iv;
    }

    private static String seal(byte[] plaintext, byte[] iv, PayloadKey key, boolean omitKid) {
        var kid = omitKid ? "" : ",\"kid\":" + Json.quoted(key.kid);
        var first = encode(("{\"alg\":\"dir\",\"enc\":\"A256GCM\"" + kid + "}").getBytes(StandardCharsets.UTF_8));
        try {
            var sealed = cipher(Cipher.ENCRYPT_MODE, key, iv, first).doFinal(plaintext);
            var end = sealed.length - TAG_BYTES;
            var ciphertext = encode(Arrays.copyOf(sealed, end));
            var tag = encode(Arrays.copyOfRange(sealed, end, sealed.length));
            // Between header and IV stands the encrypted key, which dir does not have.
            return first + ".." + encode(iv) + "." + ciphertext + "." + tag;
        } catch (GeneralSecurityException error) {
            throw new IllegalStateException("this Java has no AES/GCM/NoPadding", error);
        }
    }

    /**
     * Opens an answer's body: with the payload key that it names, or, if it names none, with each in order.
     *
     * @throws IllegalArgumentException it cannot be opened; the message says why
     */
    public byte[] decrypt(String body) {
        return open(body, keys);
    }

    private static byte[] open(String body, List<PayloadKey> keys) {
        var jwe = body.strip();
        var segments = jwe.split("\\.", -1);
        check(!jwe.isEmpty(), "it is empty");
        check(!jwe.startsWith("{"), "it is plain JSON and not encrypted as a compact JWE: nothing vouches for it");
        check(!jwe.startsWith("<"), "it is a web page and no JWE: is the URL the token service's?");
        check(!Input.QUOTES.stream().anyMatch(jwe::contains), "it has quotes in it, straight or curly: give the JWE alone");
        check(segments.length == 5,
            "it has " + segments.length + " of the 5 segments of a compact JWE: is it cut off?");
        var parts = Arrays.stream(segments).map(TokenClient::decode).toList();
        check(!parts.contains(null), "a segment of it is not base64url without padding: is it cut off, or changed?");
        check(parts.get(1).length == 0 && parts.get(2).length == IV_BYTES && parts.get(4).length == TAG_BYTES,
            "its encrypted key, IV and tag must have 0, 12 and 16 bytes");
        var kid = kidOf(parts.get(0));
        var named = keys.stream().filter(key -> kid == null || kid.equals(key.kid)).toList();
        check(!named.isEmpty(), "it is encrypted with the payload key " + kid + ", which the credentials do not have");
        for (var key : named) {
            try {
                // The AAD is the header as it came: encoded again it may differ.
                var cipher = cipher(Cipher.DECRYPT_MODE, key, parts.get(2), segments[0]);
                cipher.update(parts.get(3));
                return cipher.doFinal(parts.get(4));
            } catch (AEADBadTagException error) {
                continue;
            } catch (GeneralSecurityException error) {
                throw new IllegalStateException("this Java has no AES/GCM/NoPadding", error);
            }
        }
        throw new IllegalArgumentException(
            "the key does not open it: it was encrypted with another key, cut off, or changed on its way");
    }

    /** The header's kid; null if it has none. */
    private static String kidOf(byte[] text) {
        check(text.length <= 1024, "its header is longer than 1,024 bytes");
        Map<String, Object> header;
        try {
            header = Json.object(utf8(text));
        } catch (IllegalArgumentException error) {
            throw new IllegalArgumentException("its header is at fault: " + error.getMessage(), error);
        }
        check("dir".equals(header.get("alg")) && "A256GCM".equals(header.get("enc")),
            "its header must say alg dir and enc A256GCM");
        check(!header.containsKey("crit") && !header.containsKey("zip"),
            "its header has crit or zip, which are not supported");
        check(!header.containsKey("kid") || header.get("kid") instanceof String, "its header's kid is not a string");
        return (String) header.get("kid");
    }

    private static Cipher cipher(int mode, PayloadKey key, byte[] iv, String aad) throws GeneralSecurityException {
        var cipher = Cipher.getInstance("AES/GCM/NoPadding");
        cipher.init(mode, key.key, new GCMParameterSpec(TAG_BYTES * 8, iv));
        cipher.updateAAD(aad.getBytes(StandardCharsets.US_ASCII));
        return cipher;
    }

    /** Canonical base64url without padding; null if the text is not. Java's decoder takes padding and stray bits, too. */
    static byte[] decode(String text) {
        try {
            var bytes = Base64.getUrlDecoder().decode(text);
            return encode(bytes).equals(text) ? bytes : null;
        } catch (IllegalArgumentException error) {
            return null;
        }
    }

    static String encode(byte[] bytes) {
        return Base64.getUrlEncoder().withoutPadding().encodeToString(bytes);
    }

    private static String utf8(byte[] bytes) {
        try {
            return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
        } catch (CharacterCodingException error) {
            throw new IllegalArgumentException("not UTF-8", error);
        }
    }

    private static void check(boolean holds, String fault) {
        if (!holds) {
            throw new IllegalArgumentException(fault);
        }
    }

    /**
     * The SDK's side, for tests without the app: a P-256 key pair as the mobile SDK makes one for each session (ECDH-ES of
     * RFC 7518 section 4.6). In production it never leaves the device.
     */
    public static final class SdkKeyPair {
        private static final ECParameterSpec P256 = p256();
        private final PrivateKey privateKey;
        private final ECPoint point;

        private SdkKeyPair(PrivateKey privateKey, ECPoint point) {
            this.privateKey = privateKey;
            this.point = point;
        }

        public static SdkKeyPair generate() {
            try {
                var generator = KeyPairGenerator.getInstance("EC");
                generator.initialize(new ECGenParameterSpec("secp256r1"));
                var pair = generator.generateKeyPair();
                return new SdkKeyPair(pair.getPrivate(), ((ECPublicKey) pair.getPublic()).getW());
            } catch (GeneralSecurityException error) {
                throw new IllegalStateException("this Java has no P-256", error);
            }
        }

        /** Reads a private JWK, such as a test's. It is taken on trust that d belongs to x and y. */
        public static SdkKeyPair fromJwk(String jwk) throws InputException {
            try {
                var members = Json.object(jwk);
                var d = new ECPrivateKeySpec(coordinate(members, "d"), P256);
                return new SdkKeyPair(KeyFactory.getInstance("EC").generatePrivate(d), pointOf(members));
            } catch (IllegalArgumentException | GeneralSecurityException error) {
                throw new InputException("the SDK's private key: " + error.getMessage(), error);
            }
        }

        /** The sdkPublicKey member of the request. */
        public String publicKey() {
            var jwk = "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" + encode(bytes32(point.getAffineX()))
                + "\",\"y\":\"" + encode(bytes32(point.getAffineY())) + "\"}";
            return encode(jwk.getBytes(StandardCharsets.UTF_8));
        }

        /** Derives the 32 bytes that the SDK and the service share, from the answer's serverPubKey. */
        public byte[] sessionKey(String serverPubKey) throws InputException {
            try {
                var jwk = decode(serverPubKey);
                check(jwk != null, "it is not base64url without padding");
                PublicKey server = KeyFactory.getInstance("EC")
                    .generatePublic(new ECPublicKeySpec(pointOf(Json.object(utf8(jwk))), P256));
                var agreement = KeyAgreement.getInstance("ECDH");
                agreement.init(privateKey);
                agreement.doPhase(server, true);
                // Concat KDF, one round: 1 || Z || length and name of the algorithm || no apu || no apv || 256 bits.
                var input = ByteBuffer.allocate(4 + 32 + 4 + 7 + 12);
                input.putInt(1).put(agreement.generateSecret());
                input.putInt(7).put("A256GCM".getBytes(StandardCharsets.US_ASCII)).putInt(0).putInt(0).putInt(256);
                return MessageDigest.getInstance("SHA-256").digest(input.array());
            } catch (IllegalArgumentException | GeneralSecurityException error) {
                throw new InputException("serverPubKey: " + error.getMessage(), error);
            }
        }

        private static ECPoint pointOf(Map<String, Object> jwk) {
            check("EC".equals(jwk.get("kty")) && "P-256".equals(jwk.get("crv")), "its kty and crv must be EC and P-256");
            var x = coordinate(jwk, "x");
            var y = coordinate(jwk, "y");
            // A point beside the curve gives the private key away. KeyFactory takes any; whether KeyAgreement does is the JDK's.
            var p = ((ECFieldFp) P256.getCurve().getField()).getP();
            var right = x.pow(3).add(P256.getCurve().getA().multiply(x)).add(P256.getCurve().getB());
            check(x.compareTo(p) < 0 && y.compareTo(p) < 0 && y.pow(2).subtract(right).mod(p).signum() == 0,
                "its x and y are no point of P-256");
            return new ECPoint(x, y);
        }

        private static BigInteger coordinate(Map<String, Object> jwk, String name) {
            var bytes = jwk.get(name) instanceof String text ? decode(text) : null;
            check(bytes != null && bytes.length == 32, "its " + name + " must be 43 base64url characters, 32 bytes");
            return new BigInteger(1, bytes);
        }

        private static byte[] bytes32(BigInteger number) {
            var bytes = number.toByteArray(); // perhaps with a zero in front, perhaps short
            var padded = new byte[32];
            var length = Math.min(bytes.length, 32);
            System.arraycopy(bytes, bytes.length - length, padded, 32 - length, length);
            return padded;
        }

        private static ECParameterSpec p256() {
            try {
                var parameters = AlgorithmParameters.getInstance("EC");
                parameters.init(new ECGenParameterSpec("secp256r1"));
                return parameters.getParameterSpec(ECParameterSpec.class);
            } catch (GeneralSecurityException error) {
                throw new IllegalStateException("this Java has no P-256", error);
            }
        }
    }

    /** Reads what people wrote. A fault is an IllegalArgumentException that names it and shows no key. */
    private static final class Input {
        /** As word processors make them, escaped so that no compiler's encoding matters. */
        static final Set<String> CURLY = Set.of("\u201c", "\u201d", "\u201e", "\u201f", "\u2018", "\u2019", "\u201a", "\u201b",
            "\u00ab", "\u00bb");
        static final List<String> QUOTES = Stream.concat(CURLY.stream(), Stream.of("\"", "'")).toList();

        static String url(Object given) {
            var text = given instanceof String string ? string : "";
            check(!text.isEmpty(), "there is no URL: give one, or put it into the credentials as url");
            var uri = URI.create("x:y");
            try {
                uri = URI.create(text);
            } catch (IllegalArgumentException error) {
                // Said below, in one way with the other faults.
            }
            check(uri.getHost() != null && uri.getUserInfo() == null && uri.getQuery() == null && uri.getFragment() == null,
                "the URL must be like https://api.example.com/prod");
            check(!uri.getPath().contains("/token-service/"),
                "the URL must end before /token-service/...: the client adds the path");
            var local = uri.getHost().matches("localhost|127(\\.\\d{1,3}){3}|\\[::1\\]");
            check("https".equalsIgnoreCase(uri.getScheme()) || "http".equalsIgnoreCase(uri.getScheme()) && local,
                "the URL must begin with https://, as your API key is sent there; http:// is for this machine only");
            return text.replaceAll("/+$", "");
        }

        /** A string of printable ASCII without spaces, as keys and names are. */
        static String visible(String name, Object value) {
            check(value instanceof String text && !text.isEmpty(), name + " is missing, or no string");
            var text = (String) value;
            check(CURLY.stream().noneMatch(text::contains),
                name + " has a curly quote in it, as from a document: copy what stands between the quotes");
            text.codePoints().filter(point -> point <= ' ' || point > '~').findFirst().ifPresent(point -> {
                throw new IllegalArgumentException(
                    String.format("%s has the character U+%04X in it, where only visible ASCII can stand", name, point));
            });
            return text;
        }

        static List<PayloadKey> payloadKeys(Object set) {
            var list = set instanceof Map<?, ?> map && map.get("keys") instanceof List<?> some ? some : List.of();
            check(!list.isEmpty(),
                "payloadKeys must be a JWK Set, {\"keys\":[...]}, of at least one key, the newest first");
            var keys = new ArrayList<PayloadKey>();
            for (var item : list) {
                var at = "payloadKeys.keys[" + keys.size() + "]";
                Map<?, ?> jwk = item instanceof Map<?, ?> map ? map : Map.of();
                check("oct".equals(jwk.get("kty")), at + ".kty must be \"oct\"");
                var kid = visible(at + ".kid", jwk.get("kid"));
                check(keys.stream().noneMatch(key -> key.kid.equals(kid)), at + ".kid is that of another key too");
                var k = jwk.get("k") instanceof String text ? text : "";
                keys.add(new PayloadKey(kid, new SecretKeySpec(keyBytes(at + ".k (kid " + kid + ")", k), "AES")));
            }
            return List.copyOf(keys);
        }

        private static byte[] keyBytes(String at, String k) {
            check(!k.isEmpty(), at + " must be a string: the key's 32 bytes in base64url");
            check(QUOTES.stream().noneMatch(k::contains),
                at + " has quotes in it, straight or curly, as from a document: copy the 43 characters between them");
            check(!k.startsWith("-----BEGIN"), at + " is PEM: write the key's 32 bytes in base64url");
            check(k.chars().noneMatch(Character::isWhitespace),
                at + " has white space or a line break in it: it is 43 characters without any");
            check(!k.matches("[0-9A-Fa-f]{64}"),
                at + " is hex: write the same 32 bytes in base64url, which takes 43 characters");
            check(!(k.matches("[A-Za-z0-9+/]+=*") && k.matches(".*[+/=].*")),
                at + " is standard base64: for base64url write - for +, _ for /, and leave out =");
            check(k.length() == 43, at + " has " + k.length() + " characters, some " + k.length() * 6 / 8 * 8 + " bits: A256GCM "
                + "needs 256 bits, which are 43 characters of base64url. Is it cut off, or not encoded?");
            var bytes = decode(k);
            check(bytes != null, at + " is not base64url without padding: is it cut off, or changed?");
            return bytes;
        }
    }

    /**
     * The JSON that this file needs, as the JDK has none: objects are maps, integers of up to 18 digits are Long, other numbers
     * BigDecimal. Strict (RFC 8259): it also refuses repeated members and halves of surrogate pairs.
     */
    static final class Json {
        private static final int DEEPEST = 64;
        private final String text;
        private int at = 0;

        private Json(String text) {
            this.text = text;
        }

        static Map<String, Object> object(String text) {
            if (!(parse(text) instanceof Map<?, ?> map)) {
                throw new IllegalArgumentException("not a JSON object");
            }
            var object = new LinkedHashMap<String, Object>();
            map.forEach((name, value) -> object.put((String) name, value));
            return object;
        }

        static Object parse(String text) {
            var json = new Json(text);
            var value = json.value(0);
            json.space();
            json.expect(json.at == text.length(), "nothing more");
            return value;
        }

        private Object value(int depth) {
            expect(depth < DEEPEST, "less depth");
            space();
            switch (peek()) {
                case '{':
                    var object = new LinkedHashMap<String, Object>();
                    for (at++; !next('}'); ) {
                        expect(object.isEmpty() || next(','), "a comma or }");
                        space();
                        var name = string();
                        expect(!object.containsKey(name), "each member once");
                        space();
                        expect(next(':'), "a colon");
                        object.put(name, value(depth + 1));
                    }
                    return object;
                case '[':
                    var list = new ArrayList<Object>();
                    for (at++; !next(']'); ) {
                        expect(list.isEmpty() || next(','), "a comma or ]");
                        list.add(value(depth + 1));
                    }
                    return list;
                case '"':
                    return string();
                default:
                    return word();
            }
        }

        private static final Pattern WORD =
            Pattern.compile("true|false|null|(-?(?:0|[1-9][0-9]*))(\\.[0-9]+)?([eE][+-]?[0-9]+)?");

        private Object word() {
            var word = WORD.matcher(text).region(at, text.length());
            expect(word.lookingAt(), "a value");
            at = word.end();
            var integer = word.group(1) != null && word.group(2) == null && word.group(3) == null;
            return switch (word.group()) {
                case "true" -> true;
                case "false" -> false;
                case "null" -> null;
                default -> integer && word.group().length() <= 18 ? Long.valueOf(word.group()) : new BigDecimal(word.group());
            };
        }

        private String string() {
            expect(peek() == '"', "a string in straight double quotes");
            var string = new StringBuilder();
            for (at++; peek() != '"'; ) {
                expect(peek() >= ' ', "the string's end, or an escape");
                var character = text.charAt(at++);
                string.append(character == '\\' ? escape() : character);
            }
            at++;
            expect(whole(string), "no half of a surrogate pair");
            return string.toString();
        }

        private char escape() {
            var at = "\"\\/bfnrt".indexOf(peek());
            if (at >= 0) {
                this.at++;
                return "\"\\/\b\f\n\r\t".charAt(at);
            }
            var hex = peek() == 'u' && this.at + 5 <= text.length() ? text.substring(this.at + 1, this.at + 5) : "";
            expect(hex.matches("[0-9A-Fa-f]{4}"), "an escape");
            this.at += 5;
            return (char) Integer.parseInt(hex, 16);
        }

        private void space() {
            while (at < text.length() && " \t\r\n".indexOf(text.charAt(at)) >= 0) {
                at++;
            }
        }

        private boolean next(char character) {
            space();
            var there = peek() == character;
            at += there ? 1 : 0;
            return there;
        }

        /** The next character; 0, which nothing allows, at the end. */
        private char peek() {
            return at < text.length() ? text.charAt(at) : 0;
        }

        private void expect(boolean holds, String due) {
            if (holds) {
                return;
            }
            var before = text.substring(0, at);
            var line = before.chars().filter(character -> character == '\n').count() + 1;
            var column = at - before.lastIndexOf('\n');
            var found = at == text.length() ? "the text ends: is it cut off?"
                : Input.CURLY.contains(text.substring(at, at + 1)) ? "there is a curly quote, as from a document" : "";
            throw new IllegalArgumentException(
                "not JSON: line " + line + ", column " + column + ": " + due + " is due here; " + found);
        }

        static String write(Object value) {
            var out = new StringBuilder();
            write(value, out);
            return out.toString();
        }

        /** Whether UTF-8 can say it: no half of a surrogate pair is in it. */
        private static boolean whole(CharSequence text) {
            return StandardCharsets.UTF_8.newEncoder().canEncode(text);
        }

        static String quoted(CharSequence text) {
            var out = new StringBuilder("\"");
            text.chars().forEach(character -> {
                if (character == '"' || character == '\\') {
                    out.append('\\').append((char) character);
                } else if (Character.isISOControl(character) || character == 0x2028 || character == 0x2029) {
                    out.append(String.format("\\u%04x", character));
                } else {
                    out.append((char) character);
                }
            });
            return out.append('"').toString();
        }

        private static void write(Object value, StringBuilder out) {
            if (value == null || value instanceof Boolean || value instanceof Integer || value instanceof Long
                || value instanceof BigInteger) {
                out.append(value);
            } else if (value instanceof BigDecimal decimal) {
                out.append(decimal.toPlainString());
            } else if (value instanceof Map<?, ?> map) {
                var separator = "";
                out.append('{');
                for (var entry : map.entrySet()) {
                    out.append(separator);
                    write(String.valueOf(entry.getKey()), out);
                    out.append(':');
                    write(entry.getValue(), out);
                    separator = ",";
                }
                out.append('}');
            } else if (value instanceof Collection<?> list) {
                var separator = "";
                out.append('[');
                for (var item : list) {
                    out.append(separator);
                    write(item, out);
                    separator = ",";
                }
                out.append(']');
            } else if (value instanceof CharSequence text) {
                check(whole(text), "half of a surrogate pair is in a string");
                out.append(quoted(text));
            } else {
                throw new IllegalArgumentException("a " + value.getClass().getName() + " has no form in it: give a string");
            }
        }
    }
}
