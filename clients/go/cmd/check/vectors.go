package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"

	"example.com/tokenclient"
)

type vector struct {
	Name                                   string
	Valid                                  bool
	Key                                    json.RawMessage
	Keys                                   []json.RawMessage
	JWE                                    string
	HeaderUTF8, IVBase64URL, PlaintextUTF8 string
	HTTPStatus                             int
	ExpectedReferenceID                    string
	SDKPrivateKey                          json.RawMessage
	SDKPublicKey, ServerPubKey, KeyHex     string
}

func checkVectors(report *report, directory string) {
	for _, format := range []struct {
		name  string
		fault func(vector) string
	}{{"request", requestFault}, {"answer", answerFault}, {"session-key", sessionKeyFault}} {
		var file struct{ Vectors []vector }
		readFile(filepath.Join(directory, format.name+".json"), &file)
		for _, vector := range file.Vectors {
			report.check(format.name+" vector "+vector.Name, format.fault(vector))
		}
	}
}

// requestFault opens the vector as the service does, and seals it again under its own IV.
func requestFault(v vector) string {
	client := holderOf(v)
	plaintext, err := client.Decrypt(v.JWE)
	if !v.Valid {
		return refusal(err)
	}
	if err != nil || string(plaintext) != v.PlaintextUTF8 {
		return fmt.Sprintf("opens to %q, %v", plaintext, err)
	}
	var key struct{ Kid string }
	if err := json.Unmarshal(v.Key, &key); err != nil {
		return err.Error()
	}
	v.Keys = nil // the key that sealed becomes the first
	client = holderOf(v)
	switch v.HeaderUTF8 {
	case `{"alg":"dir","enc":"A256GCM"}`:
		client.OmitKid = true
	case `{"alg":"dir","enc":"A256GCM","kid":"` + key.Kid + `"}`:
	default:
		return "" // a header to be read; the client writes its own
	}
	if again := underIV(v.IVBase64URL, func() string { return client.Encrypt(plaintext) }); again != v.JWE {
		return "is sealed as " + again
	}
	return ""
}

// underIV lets the system's random generator give this IV: the client has no way to choose one.
func underIV(iv string, seal func() string) string {
	random := rand.Reader
	defer func() { rand.Reader = random }()
	rand.Reader = base64.NewDecoder(base64.RawURLEncoding, strings.NewReader(iv))
	return seal()
}

// answerFault gives the vector to the client as the service's answer to a call.
func answerFault(v vector) string {
	client := holderOf(v)
	client.Attempts = 1
	client.HTTP = &http.Client{Transport: always(v)}
	answer, err := client.Send(context.Background(), v.ExpectedReferenceID, "a body")
	if !v.Valid {
		var unreadable *tokenclient.UnreadableAnswerError
		var refused *tokenclient.RefusedError
		// What is not encrypted may still be read as a hint, if it is no success.
		hint := errors.As(err, &refused) && !refused.Authenticated && v.HTTPStatus != http.StatusOK
		if !errors.As(err, &unreadable) && !hint {
			return fmt.Sprintf("gives %v, %v", answer, err)
		}
		return ""
	}
	var said struct {
		ResCode             any
		Token, ServerPubKey string
		ExpireAt            int64
		Errors              []tokenclient.FieldError
	}
	if err := json.Unmarshal([]byte(v.PlaintextUTF8), &said); err != nil {
		return "the vector's plaintext is " + err.Error()
	}
	if v.HTTPStatus == http.StatusOK {
		if err != nil {
			return err.Error()
		}
		if answer.Token != said.Token || answer.ServerPubKey != said.ServerPubKey || answer.ExpireAt.UnixMilli() != said.ExpireAt {
			return fmt.Sprintf("gives %+v", answer)
		}
		return ""
	}
	var refused *tokenclient.RefusedError
	if !errors.As(err, &refused) {
		return fmt.Sprintf("gives %v, %v", answer, err)
	}
	code := fmt.Sprint(said.ResCode)
	if number, ok := said.ResCode.(float64); ok {
		code = fmt.Sprintf("TOK%03.0f", number)
	}
	if refused.Code != code || !refused.Authenticated || fmt.Sprint(refused.Errors) != fmt.Sprint(said.Errors) {
		return fmt.Sprintf("gives %+v", refused)
	}
	return ""
}

func sessionKeyFault(v vector) string {
	pair, err := tokenclient.ParseSDKKeyPair(v.SDKPrivateKey)
	if err != nil {
		return err.Error()
	}
	key, err := pair.SessionKey(v.ServerPubKey)
	if !v.Valid {
		return refusal(err)
	}
	if err != nil || hex.EncodeToString(key) != v.KeyHex {
		return fmt.Sprintf("derives another key, or none: %v", err)
	}
	if pair.PublicKey() != v.SDKPublicKey {
		return "has another sdkPublicKey: " + pair.PublicKey()
	}
	return ""
}

// refusal is a fault unless there is an error that says something.
func refusal(err error) string {
	if err == nil || err.Error() == "" {
		return "was not refused"
	}
	return ""
}

// holderOf makes a client that has the vector's keys.
func holderOf(v vector) *tokenclient.Client {
	keys := v.Keys
	if keys == nil {
		keys = []json.RawMessage{v.Key}
	}
	credentials, err := json.Marshal(map[string]any{
		"partnerId": "vectors", "apiKey": "vectors-api-key", "sdkApiKey": "vectors-sdk-api-key",
		"payloadKeys": map[string]any{"keys": keys},
	})
	if err != nil {
		panic(err)
	}
	client, err := tokenclient.New(credentials, "http://127.0.0.1:9")
	if err != nil {
		panic(err)
	}
	return client
}

// always answers every request with the vector.
type always vector

func (v always) RoundTrip(request *http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: v.HTTPStatus, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(v.JWE)), Request: request,
	}, nil
}
