// Command apiserver is a real kube-apiserver and the etcd that it keeps its
// objects in, in one process on loopback: what the agent's tests with the tag
// apiserver talk to. It is a module of its own, for it depends on all of
// Kubernetes, whose modules have to be pinned one by one.
//
//	apiserver -dir DIR -port N -etcd N,N
//
// DIR gets etcd's data, the server's own certificate, and must hold tokens.csv
// (the static tokens that are let in) and sa.key (the RSA key that service
// accounts' tokens are signed with). It ends when it is killed.
package main

import (
	"flag"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"go.etcd.io/etcd/server/v3/embed"
	"k8s.io/component-base/cli"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
)

func main() {
	dir := flag.String("dir", "", "`directory` of all that it keeps")
	port := flag.String("port", "", "`port` of the API")
	etcd := flag.String("etcd", "", "two `ports`, of etcd's clients and its peers")
	flag.Parse()
	endpoint, err := startEtcd(filepath.Join(*dir, "etcd"), *etcd)
	if err != nil {
		fmt.Fprintln(os.Stderr, "apiserver: etcd:", err)
		os.Exit(1)
	}
	cmd := app.NewAPIServerCommand()
	cmd.SetArgs(arguments(*dir, *port, endpoint))
	os.Exit(cli.Run(cmd))
}

// startEtcd starts it, and waits until it serves.
func startEtcd(dir, ports string) (endpoint string, err error) {
	client, peer, _ := strings.Cut(ports, ",")
	c := embed.NewConfig()
	c.Dir, c.LogLevel, c.UnsafeNoFsync = dir, "error", true
	c.ListenClientUrls, c.AdvertiseClientUrls = loopback(client), loopback(client)
	c.ListenPeerUrls, c.AdvertisePeerUrls = loopback(peer), loopback(peer)
	c.InitialCluster = c.InitialClusterFromName(c.Name)
	e, err := embed.StartEtcd(c)
	if err != nil {
		return "", err
	}
	select {
	case <-e.Server.ReadyNotify():
	case err = <-e.Err():
	}
	return c.ListenClientUrls[0].String(), err
}

func loopback(port string) []url.URL { return []url.URL{{Scheme: "http", Host: "127.0.0.1:" + port}} }

// arguments are kube-apiserver's: RBAC alone decides.
func arguments(dir, port, etcd string) []string {
	key := filepath.Join(dir, "sa.key")
	return []string{
		"--etcd-servers=" + etcd,
		"--bind-address=127.0.0.1", "--secure-port=" + port, "--cert-dir=" + filepath.Join(dir, "certs"),
		"--token-auth-file=" + filepath.Join(dir, "tokens.csv"), "--authorization-mode=RBAC", "--anonymous-auth=false",
		"--service-account-issuer=https://kubernetes.default.svc", "--service-account-key-file=" + key, "--service-account-signing-key-file=" + key,
		"--service-cluster-ip-range=10.0.0.0/24", "--allow-privileged=true",
	}
}
