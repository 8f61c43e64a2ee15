package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// authority signs certificates and writes them into one folder.
type authority struct {
	folder      string
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

// certificates FOLDER NAME=SUBJECT[@HOST,HOST…]…: writes ca.crt and, for each name, a certificate and
// its key. SUBJECT is USER or USER/GROUP; hosts are what a server is reached as. `front-proxy`
// gets an authority of its own, as the API server demands; `accounts` is a key pair only.
func certificates(arguments []string) error {
	if len(arguments) < 2 {
		return errors.New("usage: certificates FOLDER NAME=SUBJECT[@HOST,HOST...]...")
	}
	folder := arguments[0]
	cluster, err := newAuthority(folder, "ca")
	if err != nil {
		return err
	}
	front, err := newAuthority(folder, "front-ca")
	if err != nil {
		return err
	}
	for _, argument := range arguments[1:] {
		name, subject, found := strings.Cut(argument, "=")
		if !found {
			return fmt.Errorf("%q is not NAME=SUBJECT", argument)
		}
		signer := cluster
		if name == "front-proxy" {
			signer = front
		}
		if err := signer.issue(name, subject); err != nil {
			return err
		}
	}
	return nil
}

func newAuthority(folder, name string) (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	certificate := template(name)
	certificate.IsCA = true
	certificate.BasicConstraintsValid = true
	certificate.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature
	signer := &authority{folder, certificate, key}
	return signer, signer.write(name, certificate, key)
}

func template(user string) *x509.Certificate {
	// Random, since two certificates of one authority must differ; 127 bits stay positive.
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		panic(err)
	}
	return &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: user},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().AddDate(10, 0, 0),
	}
}

func (signer *authority) issue(name, description string) error {
	subject, hosts, _ := strings.Cut(description, "@")
	user, group, _ := strings.Cut(subject, "/")
	certificate := template(user)
	if group != "" {
		certificate.Subject.Organization = []string{group}
	}
	certificate.KeyUsage = x509.KeyUsageDigitalSignature
	certificate.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth}
	for _, host := range strings.FieldsFunc(hosts, func(r rune) bool { return r == ',' }) {
		if address := net.ParseIP(host); address != nil {
			certificate.IPAddresses = append(certificate.IPAddresses, address)
		} else {
			certificate.DNSNames = append(certificate.DNSNames, host)
		}
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	return signer.write(name, certificate, key)
}

func (signer *authority) write(name string, certificate *x509.Certificate, key *ecdsa.PrivateKey) error {
	signed, err := x509.CreateCertificate(rand.Reader, certificate, signer.certificate, &key.PublicKey, signer.key)
	if err != nil {
		return err
	}
	private, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return err
	}
	path := filepath.Join(signer.folder, name)
	if err := os.WriteFile(path+".crt", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: signed}), 0o644); err != nil {
		return err
	}
	return os.WriteFile(path+".key", pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: private}), 0o600)
}
