package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"sort"
	"strings"
	"time"

	"example.com/tokenclient"
)

// What the members mean is in the table itself, under "about".
type testCase struct {
	Name            string
	Change          map[string]any
	Credentials     map[string]any
	Filler          int
	Keys            []int
	Kid             *bool
	Path            string
	SameReferenceID string
	Call            string
	ReferenceID     string
	Body, URL       string
	Front           []string
	Expect          struct {
		Token, Replayed, Invalidated  bool
		SameTokenAs                   string
		Error                         string
		Status                        int
		Code                          string
		Fields, Reasons               []string
		Mentions, Warns               []string
		Retryable, Authenticated      bool
		RetryAfter                    float64
		Calls                         *int
		AtLeastSeconds, AtMostSeconds float64
	}
}

type input struct {
	Name            string
	Credentials     map[string]any
	CredentialsText *string
	URL, Open       *string
	Mentions        []string
}

// table runs the cases in their order: some refer to earlier ones.
type table struct {
	url         string
	credentials map[string]any
	request     map[string]any
	sdk         *tokenclient.SDKKeyPair
	references  map[string]string
	answers     map[string]*tokenclient.Answer
	opener      *tokenclient.Client // has the service's token keys; nil without --server-keys
	started     string
}

func checkTable(report *report, url, credentials, cases, serverKeys string) {
	var file struct {
		Request map[string]any
		Cases   []testCase
		Inputs  []input
	}
	readFile(cases, &file)
	t := &table{
		url: url, request: file.Request, references: map[string]string{}, answers: map[string]*tokenclient.Answer{},
		started: fmt.Sprintf("%x", time.Now().UnixNano()),
	}
	readFile(credentials, &t.credentials)
	if serverKeys != "" {
		var keys struct{ Token map[string]any }
		readFile(serverKeys, &keys)
		t.opener = must(t.client(map[string]any{"payloadKeys": keys.Token}, url))
	}
	t.sdk = must(tokenclient.NewSDKKeyPair())
	for i, c := range file.Cases {
		report.check("case: "+c.Name, t.caseFault(i, c))
	}
	for _, in := range file.Inputs {
		report.check("input: "+in.Name, t.inputFault(in))
	}
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// over puts members over others.
func over(under, members map[string]any) map[string]any {
	all := map[string]any{}
	for _, object := range []map[string]any{under, members} {
		for name, value := range object {
			all[name] = value
		}
	}
	return all
}

func (t *table) client(change map[string]any, url string) (*tokenclient.Client, error) {
	return tokenclient.New(must(json.Marshal(over(t.credentials, change))), url)
}

func (t *table) caseFault(number int, c testCase) string {
	url := t.url
	if c.Front != nil {
		url = fmt.Sprintf("%s/front/%s/%sn%d", t.url, strings.Join(c.Front, "."), t.started, number)
	}
	callsAt := url
	if c.URL != "" {
		url = c.URL
	}
	change := over(nil, c.Credentials)
	if c.Keys != nil {
		ring, keys := t.credentials["payloadKeys"].(map[string]any)["keys"].([]any), []any{}
		for _, at := range c.Keys {
			keys = append(keys, ring[at])
		}
		change["payloadKeys"] = map[string]any{"keys": keys}
	}
	client, err := t.client(change, url)
	if err != nil {
		return err.Error()
	}
	warned := ""
	client.Warn = func(text string) { warned += text + "\n" }
	client.OmitKid = c.Kid != nil && !*c.Kid
	if c.Path == "legacy" {
		client.Path = tokenclient.LegacyTokenPath
	}

	reference := t.references[c.SameReferenceID]
	if c.ReferenceID != "" {
		reference = c.ReferenceID
	} else if c.SameReferenceID == "" {
		reference = fmt.Sprintf("go-%s-%d", t.started, number)
	}
	t.references[c.Name] = reference
	request := over(t.request, map[string]any{"referenceId": reference, "sdkPublicKey": t.sdk.PublicKey()})
	request = over(request, c.Change)
	for name, value := range request {
		if value == nil {
			delete(request, name)
		}
	}
	if c.Filler > 0 {
		request["filler"] = strings.Repeat("a", c.Filler)
	}

	began := time.Now()
	var answer *tokenclient.Answer
	requestID := ""
	switch {
	case c.Call == "invalidate":
		requestID, err = client.Invalidate(context.Background(), reference)
	case c.Call == "renew":
		last := t.answers[c.SameReferenceID]
		if last == nil {
			return "there is no token of " + c.SameReferenceID
		}
		answer, err = t.renew(client, *last, request)
	case c.Body == "":
		answer, err = client.GetToken(context.Background(), request)
	default:
		answer, err = client.Send(context.Background(), reference, t.body(client, c.Body, request))
	}
	took := time.Since(began).Seconds()

	expect := c.Expect
	if (warned == "") != (len(expect.Warns) == 0) || !hasAll(warned, expect.Warns) {
		return "warns " + warned
	}
	if err != nil && !hasAll(err.Error(), expect.Mentions) {
		return err.Error()
	}
	if took < expect.AtLeastSeconds || expect.AtMostSeconds > 0 && took > expect.AtMostSeconds {
		return fmt.Sprintf("took %.1f s", took)
	}
	if expect.Calls != nil {
		if calls := callsOf(callsAt); calls != *expect.Calls {
			return fmt.Sprintf("made %d calls instead of %d", calls, *expect.Calls)
		}
	}
	if expect.Invalidated {
		if err != nil || requestID == "" {
			return fmt.Sprintf("gives %q, %v", requestID, err)
		}
		return ""
	}
	if expect.Token {
		return t.tokenFault(c, request, answer, err)
	}
	return errorFault(c, err)
}

func (t *table) renew(client *tokenclient.Client, last tokenclient.Answer, request map[string]any) (*tokenclient.Answer, error) {
	if token, changed := request["token"].(string); changed {
		last.Token = token
	}
	sessionKey, err := t.sdk.SessionKey(last.ServerPubKey)
	if err != nil {
		return nil, err
	}
	return client.Renew(context.Background(), &last, sessionKey, fmt.Sprint(request["accountNumber"]))
}

func (t *table) body(client *tokenclient.Client, kind string, request map[string]any) string {
	plaintext := must(json.Marshal(over(map[string]any{"sdkApiKey": t.credentials["sdkApiKey"]}, request)))
	jwe := client.Encrypt(plaintext)
	switch kind {
	case "plain":
		return string(plaintext)
	case "quoted":
		return `"` + jwe + `"`
	case "truncated":
		return jwe[:len(jwe)-30]
	case "tampered":
		segments := strings.Split(jwe, ".")
		middle := len(segments[3]) / 2
		other := "A"
		if segments[3][middle] == 'A' {
			other = "B"
		}
		segments[3] = segments[3][:middle] + other + segments[3][middle+1:]
		return strings.Join(segments, ".")
	}
	panic("the table has an unknown body: " + kind)
}

func callsOf(front string) int {
	response := must(http.Get(front))
	defer response.Body.Close()
	var seen struct{ Calls int }
	if err := json.NewDecoder(response.Body).Decode(&seen); err != nil {
		panic(err)
	}
	return seen.Calls
}

func (t *table) tokenFault(c testCase, request map[string]any, answer *tokenclient.Answer, err error) string {
	if err != nil {
		return err.Error()
	}
	if answer.Replayed != c.Expect.Replayed {
		return fmt.Sprintf("replayed is %t", answer.Replayed)
	}
	if answer.ReferenceID != request["referenceId"] || !answer.ExpireAt.After(time.Now()) || answer.RequestID == "" {
		return fmt.Sprintf("gives %+v", answer)
	}
	if c.Expect.SameTokenAs != "" {
		first := t.answers[c.Expect.SameTokenAs]
		if first == nil || answer.Token != first.Token || answer.ServerPubKey != first.ServerPubKey || !answer.ExpireAt.Equal(first.ExpireAt) {
			return "gives another token than the first time"
		}
	} else {
		for _, earlier := range t.answers {
			if earlier.Token == answer.Token {
				return "gives the token of an earlier case"
			}
		}
	}
	t.answers[c.Name] = answer
	sessionKey, err := t.sdk.SessionKey(answer.ServerPubKey)
	if err != nil {
		return err.Error()
	}
	if t.opener == nil {
		return ""
	}
	var claims struct {
		Sub string
		Cnf struct{ Jwk struct{ K string } }
	}
	if err := json.Unmarshal(must(t.opener.Decrypt(answer.Token)), &claims); err != nil {
		return "the token holds " + err.Error()
	}
	if claims.Sub != fmt.Sprint(request["accountNumber"]) {
		return "the token is for " + claims.Sub
	}
	if claims.Cnf.Jwk.K != base64.RawURLEncoding.EncodeToString(sessionKey) {
		return "the token has another session key than the SDK"
	}
	return ""
}

// seen is an error as the table describes one.
type seen struct {
	Error                    string
	Status                   int
	Code                     string
	Fields, Reasons          []string
	Retryable, Authenticated bool
	RetryAfter               float64
}

func errorFault(c testCase, err error) string {
	want := seen{
		c.Expect.Error, c.Expect.Status, c.Expect.Code, c.Expect.Fields, c.Expect.Reasons,
		c.Expect.Retryable, c.Expect.Authenticated, c.Expect.RetryAfter,
	}
	got := seenOf(err)
	if c.Expect.Reasons == nil {
		got.Reasons = nil
	}
	sort.Strings(want.Fields)
	sort.Strings(got.Fields)
	if len(want.Fields) == 0 && len(got.Fields) == 0 {
		got.Fields = want.Fields
	}
	if !reflect.DeepEqual(got, want) {
		return fmt.Sprintf("%+v instead of %+v: %v", got, want, err)
	}
	return ""
}

func hasAll(text string, pieces []string) bool {
	for _, piece := range pieces {
		if !strings.Contains(text, piece) {
			return false
		}
	}
	return true
}

func seenOf(err error) seen {
	got := seen{Retryable: tokenclient.Retryable(err)}
	var (
		input      *tokenclient.InputError
		refused    *tokenclient.RefusedError
		none       *tokenclient.NoAnswerError
		unreadable *tokenclient.UnreadableAnswerError
	)
	switch {
	case errors.As(err, &input):
		got.Error = "input"
	case errors.As(err, &none):
		got.Error = "no-answer"
	case errors.As(err, &unreadable):
		got.Error, got.Status = "unreadable-answer", unreadable.HTTPStatus
	case errors.As(err, &refused):
		got.Error, got.Status, got.Code = "refused", refused.HTTPStatus, refused.Code
		got.Authenticated, got.RetryAfter = refused.Authenticated, refused.RetryAfter.Seconds()
		for _, member := range refused.Errors {
			got.Fields, got.Reasons = append(got.Fields, member.Field), append(got.Reasons, member.Reason)
		}
	}
	return got
}

func (t *table) inputFault(in input) string {
	url, members := "https://api.example.com", over(t.credentials, in.Credentials)
	if in.URL != nil {
		url = *in.URL
	}
	credentials := must(json.Marshal(members))
	if in.CredentialsText != nil {
		credentials = []byte(*in.CredentialsText)
	}
	client, err := tokenclient.New(credentials, url)
	if in.Open != nil {
		_, err = must(client, err).Decrypt(*in.Open)
	} else if got := seenOf(err); got.Error != "input" || got.Retryable {
		return fmt.Sprintf("was not refused as an input error: %v", err)
	}
	if err == nil {
		return "was not refused"
	}
	for _, mention := range in.Mentions {
		if !strings.Contains(strings.ToLower(err.Error()), strings.ToLower(mention)) {
			return fmt.Sprintf("does not mention %q: %v", mention, err)
		}
	}
	for _, secret := range secretsOf(members) {
		if strings.Contains(err.Error(), secret) {
			return "the error shows a key"
		}
	}
	return ""
}

func secretsOf(credentials map[string]any) []string {
	secrets := []string{}
	if apiKey, _ := credentials["apiKey"].(string); apiKey != "" {
		secrets = append(secrets, apiKey)
	}
	ring, _ := credentials["payloadKeys"].(map[string]any)
	keys, _ := ring["keys"].([]any)
	for _, key := range keys {
		jwk, _ := key.(map[string]any)
		if k, _ := jwk["k"].(string); k != "" {
			secrets = append(secrets, k)
		}
	}
	return secrets
}
