// SPDX-License-Identifier: MIT-0
import java.io.IOException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.Base64;
import java.util.Map;
import java.util.Optional;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * What a resource server does with the token that an SDK presents: it asks the token service whether the token is active, and
 * makes the caller prove that it holds the token's session key.
 *
 * <p>Copy this file. It needs Java 17 or newer, and a JSON library of yours, as the JDK has none.
 *
 * <pre>{@code
 * var server = new ResourceServer("https://api.example.com/prod", id, secret, text -> mapper.readValue(text, Map.class));
 * var claims = server.introspect(token);           // empty: refuse the caller
 * var challenge = ResourceServer.newChallenge();   // to the caller, which answers with a proof
 * if (claims.isPresent() && ResourceServer.isProved(claims.get(), "accounts.example.com", challenge, proof)) { ... }
 * }</pre>
 */
public final class ResourceServer {
    private static final int LONGEST_TOKEN = 4096;
    private static final SecureRandom RANDOM = new SecureRandom();

    /** Your JSON library: the members of an object, of which those in objects are maps too. */
    public interface Json {
        Map<?, ?> read(String text) throws Exception;
    }

    private final URI uri;
    private final String authorization;
    private final Json json;
    private final HttpClient http = HttpClient.newBuilder()
        .connectTimeout(Duration.ofSeconds(2))
        .followRedirects(HttpClient.Redirect.NEVER) // the secret is for this server only
        .build();

    /** The service's URL, and the id and secret, as the operator gives them. */
    public ResourceServer(String url, String id, String secret, Json json) {
        this.uri = URI.create(url.replaceAll("/+$", "") + "/token-service/introspect");
        // Both are form-encoded before they become Basic's (RFC 6749 section 2.3.1).
        var credentials = encode(id) + ":" + encode(secret);
        this.authorization = "Basic " + Base64.getEncoder().encodeToString(credentials.getBytes(StandardCharsets.US_ASCII));
        this.json = json;
    }

    /**
     * The claims of a token, if it is active (RFC 7662). Empty: it is no token, has expired, or its session has ended.
     *
     * @throws IOException there is no answer: neither active nor inactive. Answer 503, and ask again for the next call
     */
    public Optional<Map<?, ?>> introspect(String token) throws IOException, InterruptedException {
        if (token == null || token.isEmpty() || token.length() > LONGEST_TOKEN) {
            return Optional.empty();
        }
        var request = HttpRequest.newBuilder(uri)
            .timeout(Duration.ofSeconds(5))
            .header("Authorization", authorization)
            .header("Content-Type", "application/x-www-form-urlencoded")
            .POST(HttpRequest.BodyPublishers.ofString("token=" + encode(token)))
            .build();
        var response = http.send(request, HttpResponse.BodyHandlers.ofString());
        if (response.statusCode() != 200) {
            throw new IOException("the token service answered HTTP " + response.statusCode());
        }
        Map<?, ?> said;
        try {
            said = json.read(response.body());
        } catch (Exception error) {
            throw new IOException("the token service's answer is not a JSON object", error);
        }
        if (said == null || !(said.get("active") instanceof Boolean active)) {
            throw new IOException("the token service's answer says neither active nor inactive");
        }
        return active ? Optional.of(said) : Optional.empty();
    }

    /** 32 random bytes, as text. Store it; use it for one proof, and for at most a minute. */
    public static String newChallenge() {
        var bytes = new byte[32];
        RANDOM.nextBytes(bytes);
        return Base64.getUrlEncoder().withoutPadding().encodeToString(bytes);
    }

    /**
     * Whether the caller holds the session key in these claims: its proof is {@link #mac} of this server's name, which the SDK
     * takes from its own settings, and of the challenge.
     */
    public static boolean isProved(Map<?, ?> claims, String server, String challenge, byte[] proof) {
        var jwk = (Map<?, ?>) ((Map<?, ?>) claims.get("cnf")).get("jwk");
        var key = Base64.getUrlDecoder().decode((String) jwk.get("k"));
        return MessageDigest.isEqual(mac(key, server, challenge), proof); // takes as long for any proof
    }

    /**
     * HMAC-SHA256 of the server's name, a space and the challenge, as the SDK makes it. The name is in it, so that no other
     * server can pass the challenge on and use the proof here.
     */
    public static byte[] mac(byte[] sessionKey, String server, String challenge) {
        try {
            var mac = Mac.getInstance("HmacSHA256");
            mac.init(new SecretKeySpec(sessionKey, "HmacSHA256"));
            return mac.doFinal((server + " " + challenge).getBytes(StandardCharsets.UTF_8));
        } catch (GeneralSecurityException error) {
            throw new IllegalStateException("this Java has no HmacSHA256", error);
        }
    }

    private static String encode(String text) {
        return URLEncoder.encode(text, StandardCharsets.UTF_8);
    }
}
