// Verifies a push of Magpie:  go run verify.go rsa <request file> <certificate.pem>
//                             go run verify.go hmac <request file> <whsec_...>
// The request file holds the request as it came: request line, headers, empty line, body.
package main

import (
	"bufio"
	"bytes"
	"crypto"
	"crypto/hmac"
	"crypto/md5"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"sort"
	"strconv"
	"strings"
	"time"
)

const tolerance = 5 * time.Minute

// verifyRSA wants the body as the bytes that came.
func verifyRSA(request *http.Request, body []byte, certificatePEM []byte) error {
	header := request.Header
	sum := md5.Sum(body)
	digest := hex.EncodeToString(sum[:])
	given := header.Get("Content-Md5")
	// XML and JSON have the first form, SIMPLIFIED the second.
	if given != base64.StdEncoding.EncodeToString([]byte(digest)) && given != strings.ToUpper(digest) {
		return errors.New("the body was changed")
	}
	sent, err := http.ParseTime(header.Get("Date"))
	if err != nil || time.Since(sent).Abs() > tolerance {
		return errors.New("the push is too old")
	}
	own := []string{}
	for name := range header {
		if lower := strings.ToLower(name); strings.HasPrefix(lower, "x-mns-") {
			own = append(own, lower+":"+header.Get(name))
		}
	}
	sort.Strings(own)
	lines := append([]string{"POST", given, header.Get("Content-Type"), header.Get("Date")}, own...)
	text := strings.Join(append(lines, request.RequestURI), "\n")
	signature, err := base64.StdEncoding.DecodeString(header.Get("Authorization"))
	if err != nil {
		return err
	}
	block, _ := pem.Decode(certificatePEM)
	if block == nil {
		return errors.New("no certificate")
	}
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return err
	}
	hashed := sha1.Sum([]byte(text))
	if rsa.VerifyPKCS1v15(certificate.PublicKey.(*rsa.PublicKey), crypto.SHA1, hashed[:], signature) != nil {
		return errors.New("the signature does not fit")
	}
	return nil
}

func verifyHMAC(header http.Header, body []byte, secret string) error {
	timestamp := header.Get("Webhook-Timestamp")
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil || time.Since(time.Unix(seconds, 0)).Abs() > tolerance {
		return errors.New("the push is too old")
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil {
		return err
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(header.Get("Webhook-Id") + "." + timestamp + "."))
	mac.Write(body)
	expected := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	for _, each := range strings.Split(header.Get("Webhook-Signature"), " ") {
		if hmac.Equal([]byte(each), []byte(expected)) {
			return nil
		}
	}
	return errors.New("the signature does not fit")
}

func verify(kind, file, key string) error {
	raw, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	request, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(raw)))
	if err != nil {
		return err
	}
	body, err := io.ReadAll(request.Body)
	if err != nil {
		return err
	}
	if kind == "hmac" {
		return verifyHMAC(request.Header, body, key)
	}
	certificate, err := os.ReadFile(key)
	if err != nil {
		return err
	}
	return verifyRSA(request, body, certificate)
}

func main() {
	if err := verify(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Println("invalid:", err)
		os.Exit(1)
	}
	fmt.Println("valid")
}
