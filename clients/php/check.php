<?php

/**
 * Runs TokenClient.php against the published vectors and the common table of cases.
 *
 *     php check.php --url URL --credentials FILE --vectors DIR --cases FILE [--server-keys FILE]
 *
 * Prints a line a check, and exits with 1 if one failed.
 */

declare(strict_types=1);

namespace TokenService;

error_reporting(E_ALL);
// A warning is a failure: a client that is copied must not write into somebody's log.
set_error_handler(fn (int $_, string $text, string $file, int $line) => throw new \ErrorException($text, 0, $_, $file, $line));

require __DIR__ . '/TokenClient.php';

$options = getopt('', ['url:', 'credentials:', 'vectors:', 'cases:', 'server-keys:']);
if (array_diff(['url', 'credentials', 'vectors', 'cases'], array_keys($options)) !== []) {
    fwrite(STDERR, "php check.php --url URL --credentials FILE --vectors DIR --cases FILE\n");
    exit(2);
}

/** Counts checks and prints a line for each. */
final class Report
{
    public int $passed = 0;
    public int $failed = 0;

    /** @param \Closure(): ?string $fault null if the check holds */
    public function check(string $name, \Closure $fault): void
    {
        try {
            $found = $fault();
        } catch (\Throwable $error) {
            $found = $error::class . ": {$error->getMessage()}";
        }
        $found === null ? $this->passed++ : $this->failed++;
        echo $found === null ? "ok     $name\n" : "FAILED $name: $found\n";
    }
}

/** @return array<string, mixed> */
function readJson(string $path): array
{
    return json_decode(file_get_contents($path), true, 512, JSON_THROW_ON_ERROR | JSON_BIGINT_AS_STRING);
}

/** A client that has the vector's keys. */
function holderOf(array $vector): TokenClient
{
    return new TokenClient(json_encode([
        'partnerId' => 'vectors',
        'apiKey' => 'vectors-api-key',
        'sdkApiKey' => 'vectors-sdk-api-key',
        'payloadKeys' => ['keys' => $vector['keys'] ?? [$vector['key']]],
    ]), 'http://127.0.0.1:9');
}

/** A fault, unless the call throws something that says why. */
function refusal(\Closure $call): ?string
{
    try {
        $call();
    } catch (\UnexpectedValueException | TokenException $error) {
        return $error->getMessage() === '' ? 'the error says nothing' : null;
    }
    return 'was not refused';
}

/** Opens the vector as the service does, and seals it again under its own IV. */
function requestFault(array $vector): ?string
{
    $client = holderOf($vector);
    if (!$vector['valid']) {
        return refusal(fn () => $client->decrypt($vector['jwe']));
    }
    $plaintext = $client->decrypt($vector['jwe']);
    if ($plaintext !== $vector['plaintextUtf8']) {
        return "opens to $plaintext";
    }
    unset($vector['keys']); // the key that sealed becomes the first
    $client = holderOf($vector);
    $client->omitKid = !str_contains($vector['headerUtf8'], '"kid"');
    $usual = '{"alg":"dir","enc":"A256GCM"' . ($client->omitKid ? '' : ",\"kid\":\"{$vector['key']['kid']}\"") . '}';
    if ($vector['headerUtf8'] !== $usual) {
        return null; // a header to be read; the client writes its own
    }
    $again = (fn () => $this->seal($plaintext, Base64Url::decode($vector['ivBase64url'])))->call($client);
    return $again === $vector['jwe'] ? null : "is sealed as $again";
}

/** Reads the vector as the service's answer to a call. */
function answerFault(array $vector): ?string
{
    $client = holderOf($vector);
    $read = fn () => $client->readAnswer($vector['expectedReferenceId'], $vector['httpStatus'], $vector['jwe']);
    try {
        $answer = $read();
    } catch (UnreadableAnswerException $error) {
        return $vector['valid'] ? $error->getMessage() : null;
    } catch (RefusedException $error) {
        if (!$vector['valid']) {
            // What is not encrypted may still be read as a hint, if it is no success.
            return !$error->authenticated && $vector['httpStatus'] !== 200 ? null : 'was not refused';
        }
        $said = json_decode($vector['plaintextUtf8'], true);
        $code = is_int($said['resCode']) ? sprintf('TOK%03d', $said['resCode']) : $said['resCode'];
        $same = $error->resCode === $code && $error->errors === ($said['errors'] ?? []) && $error->authenticated;
        return $same ? null : "gives {$error->getMessage()}";
    }
    $said = json_decode($vector['plaintextUtf8'] ?? '{}', true);
    return match (true) {
        !$vector['valid'] => 'was not refused',
        $answer->token !== $said['token'], $answer->serverPubKey !== $said['serverPubKey'],
        $answer->expireAt !== $said['expireAt'] => 'gives ' . json_encode($answer),
        default => null,
    };
}

function sessionKeyFault(array $vector): ?string
{
    $pair = SdkKeyPair::fromJwk(json_encode($vector['sdkPrivateKey']));
    if (!$vector['valid']) {
        return refusal(fn () => $pair->sessionKey($vector['serverPubKey']));
    }
    return match (true) {
        bin2hex($pair->sessionKey($vector['serverPubKey'])) !== $vector['keyHex'] => 'derives another key',
        $pair->publicKey() !== $vector['sdkPublicKey'] => "has another sdkPublicKey: {$pair->publicKey()}",
        default => null,
    };
}

/** Runs the table's cases in their order: some refer to earlier ones. What its members mean is in it, under "about". */
final class Table
{
    private SdkKeyPair $sdk;
    private string $started;
    /** @var array<string, string> */
    private array $references = [];
    /** @var array<string, Answer> */
    private array $answers = [];

    /** @param ?array<string, mixed> $tokenKeys the service's, to open tokens with */
    public function __construct(
        private string $url,
        private array $credentials,
        private array $request,
        private ?array $tokenKeys,
    ) {
        $this->sdk = SdkKeyPair::generate();
        $this->started = dechex(hrtime(true));
    }

    private function client(array $change, string $url): TokenClient
    {
        return new TokenClient(json_encode(array_replace($this->credentials, $change)), $url);
    }

    public function caseFault(int $number, array $case): ?string
    {
        $front = isset($case['front']) ? '/front/' . implode('.', $case['front']) . "/{$this->started}n$number" : '';
        $change = $case['credentials'] ?? [];
        if (isset($case['keys'])) {
            $ring = $this->credentials['payloadKeys']['keys'];
            $change['payloadKeys'] = ['keys' => array_map(fn (int $at) => $ring[$at], $case['keys'])];
        }
        $client = $this->client($change, $case['url'] ?? $this->url . $front);
        $client->omitKid = !($case['kid'] ?? true);
        $client->path = ($case['path'] ?? 'v2') === 'legacy' ? TokenClient::LEGACY_PATH : TokenClient::PATH;

        $reference = isset($case['sameReferenceId'])
            ? $this->references[$case['sameReferenceId']]
            : $case['referenceId'] ?? "php-{$this->started}-$number";
        $this->references[$case['name']] = $reference;
        $request = ['referenceId' => $reference, 'sdkPublicKey' => $this->sdk->publicKey()];
        $request = array_replace($this->request, $request, $case['change'] ?? []);
        $request = array_filter($request, fn (mixed $value) => $value !== null);
        if (isset($case['filler'])) {
            $request['filler'] = str_repeat('a', $case['filler']);
        }

        $log = (string) tempnam(sys_get_temp_dir(), 'warned');
        ini_set('error_log', $log);
        $began = microtime(true);
        $error = $answer = $requestId = null;
        try {
            if (($case['call'] ?? '') === 'invalidate') {
                $requestId = $client->invalidate($reference);
            } elseif (($case['call'] ?? '') === 'renew') {
                $answer = $this->renew($client, $this->answers[$case['sameReferenceId']], $request);
            } else {
                $answer = isset($case['body'])
                    ? $client->send($reference, $this->body($client, $case['body'], $request))
                    : $client->getToken($request);
            }
        } catch (TokenException $error) {
        }
        $took = microtime(true) - $began;
        $warned = (string) file_get_contents($log);
        unlink($log);
        ini_set('error_log', '');

        $expect = $case['expect'];
        if (($warned === '') === isset($expect['warns']) || !hasAll($warned, $expect['warns'] ?? [])) {
            return "warns $warned";
        }
        if ($error !== null && !hasAll($error->getMessage(), $expect['mentions'] ?? [])) {
            return $error->getMessage();
        }
        if ($took < ($expect['atLeastSeconds'] ?? 0) || $took > ($expect['atMostSeconds'] ?? INF)) {
            return sprintf('took %.1f s', $took);
        }
        if (isset($expect['calls'])) {
            $calls = readJson($this->url . $front)['calls'];
            if ($calls !== $expect['calls']) {
                return "made $calls calls instead of {$expect['calls']}";
            }
        }
        if (isset($expect['invalidated'])) {
            return $requestId ? null : "gives no request's id: {$error?->getMessage()}";
        }
        return isset($expect['token'])
            ? $this->tokenFault($case['name'], $expect, $request, $answer, $error)
            : errorFault($expect, $error);
    }

    private function renew(TokenClient $client, Answer $last, array $request): Answer
    {
        $presented = new Answer(...['token' => $request['token'] ?? $last->token] + get_object_vars($last));
        return $client->renew($presented, $this->sdk->sessionKey($last->serverPubKey), $request['accountNumber']);
    }

    private function body(TokenClient $client, string $kind, array $request): string
    {
        $plaintext = json_encode(['sdkApiKey' => $this->credentials['sdkApiKey']] + $request);
        $jwe = $client->encrypt($plaintext);
        $segments = explode('.', $jwe);
        $middle = intdiv(strlen($segments[3]), 2);
        $segments[3][$middle] = $segments[3][$middle] === 'A' ? 'B' : 'A';
        return match ($kind) {
            'plain' => $plaintext,
            'quoted' => "\"$jwe\"",
            'truncated' => substr($jwe, 0, -30),
            'tampered' => implode('.', $segments),
        };
    }

    private function tokenFault(
        string $name, array $expect, array $request, ?Answer $answer, ?TokenException $error
    ): ?string {
        if ($answer === null) {
            return $error::class . ": {$error->getMessage()}";
        }
        if ($answer->replayed !== $expect['replayed']) {
            return 'replayed is ' . json_encode($answer->replayed);
        }
        if ($answer->referenceId !== $request['referenceId'] || $answer->expireAt <= time() * 1000 || $answer->requestId === '') {
            return 'gives ' . json_encode($answer);
        }
        $first = $this->answers[$expect['sameTokenAs'] ?? ''] ?? $answer;
        if ([$answer->token, $answer->serverPubKey, $answer->expireAt] !== [$first->token, $first->serverPubKey, $first->expireAt]) {
            return 'gives another token than the first time';
        }
        $earlier = array_map(fn (Answer $earlier) => $earlier->token, $this->answers);
        if (!isset($expect['sameTokenAs']) && in_array($answer->token, $earlier, true)) {
            return 'gives the token of an earlier case';
        }
        $this->answers[$name] = $answer;
        $sessionKey = $this->sdk->sessionKey($answer->serverPubKey);
        if ($this->tokenKeys === null) {
            return null;
        }
        $claims = json_decode($this->client(['payloadKeys' => $this->tokenKeys], $this->url)->decrypt($answer->token), true);
        return match (true) {
            $claims['sub'] !== (string) $request['accountNumber'] => "the token is for {$claims['sub']}",
            $claims['cnf']['jwk']['k'] !== Base64Url::encode($sessionKey) => 'the token has another session key than the SDK',
            default => null,
        };
    }

    public function inputFault(array $input): ?string
    {
        $credentials = array_replace($this->credentials, $input['credentials'] ?? []);
        $text = $input['credentialsText'] ?? json_encode($credentials);
        try {
            $client = new TokenClient($text, $input['url'] ?? 'https://api.example.com');
            $client->decrypt($input['open'] ?? throw new \LogicException('was not refused'));
            return 'was not refused';
        } catch (InputException | \UnexpectedValueException $error) {
            if (!isset($input['open']) && !$error instanceof InputException) {
                return 'is refused as ' . $error::class;
            }
            foreach ($input['mentions'] as $mention) {
                if (!str_contains(strtolower($error->getMessage()), strtolower($mention))) {
                    return "does not mention \"$mention\": {$error->getMessage()}";
                }
            }
        }
        $keys = is_array($credentials['payloadKeys']) ? array_column($credentials['payloadKeys']['keys'], 'k') : [];
        foreach (array_filter([$credentials['apiKey'], ...$keys]) as $secret) {
            // The whole error as PHP prints it, stack and arguments included.
            if (str_contains((string) $error, $secret)) {
                return 'the error shows a key';
            }
        }
        return null;
    }
}

/** @param list<string> $pieces */
function hasAll(string $text, array $pieces): bool
{
    return array_filter($pieces, fn (string $piece) => !str_contains($text, $piece)) === [];
}

function errorFault(array $expect, ?TokenException $error): ?string
{
    $got = [
        'error' => match (true) {
            $error instanceof InputException => 'input',
            $error instanceof NoAnswerException => 'no-answer',
            $error instanceof UnreadableAnswerException => 'unreadable-answer',
            $error instanceof RefusedException => 'refused',
            default => 'none',
        },
        'retryable' => $error?->retryable,
        'status' => $error->httpStatus ?? null,
        'code' => $error->resCode ?? null,
        'fields' => array_column($error->errors ?? [], 'field'),
        'reasons' => array_column($error->errors ?? [], 'reason'),
        'authenticated' => $error->authenticated ?? null,
        'retryAfter' => $error->retryAfter ?? null,
    ];
    foreach (array_intersect_key($expect, $got) as $name => $wanted) {
        $found = $got[$name];
        if (is_array($wanted)) {
            sort($wanted);
            sort($found);
        }
        if ($found !== $wanted) {
            return "$name is " . json_encode($found) . ' instead of ' . json_encode($wanted) . ": {$error?->getMessage()}";
        }
    }
    return null;
}

$report = new Report();
foreach (['request' => requestFault(...), 'answer' => answerFault(...), 'session-key' => sessionKeyFault(...)] as $format => $fault) {
    foreach (readJson("{$options['vectors']}/$format.json")['vectors'] as $vector) {
        $report->check("$format vector {$vector['name']}", fn () => $fault($vector));
    }
}
$file = readJson($options['cases']);
$tokenKeys = isset($options['server-keys']) ? readJson($options['server-keys'])['token'] : null;
$credentials = readJson($options['credentials']);
$table = new Table($options['url'], $credentials, $file['request'], $tokenKeys);
foreach ($file['cases'] as $number => $case) {
    $report->check("case: {$case['name']}", fn () => $table->caseFault($number, $case));
}
foreach ($file['inputs'] as $input) {
    $report->check("input: {$input['name']}", fn () => $table->inputFault($input));
}
$report->check('a client that is printed shows no key', function () use ($options, $credentials): ?string {
    $shown = print_r(TokenClient::fromFile($options['credentials'], $options['url']), true);
    $bytes = Base64Url::decode($credentials['payloadKeys']['keys'][0]['k']);
    return str_contains($shown, $bytes) || str_contains($shown, $credentials['apiKey']) ? 'it does' : null;
});

echo "$report->passed passed, $report->failed failed\n";
exit($report->failed > 0 || $report->passed === 0 ? 1 : 0);
