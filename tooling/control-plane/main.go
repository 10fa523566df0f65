// Command control-plane is the control plane of a Kubernetes cluster in one binary: it runs the
// component that its first argument names, with that component's own flags after it.
//
//	control-plane etcd | kube-apiserver | kube-controller-manager | kube-scheduler [FLAG...]
//	control-plane version
//
// With CONTROL_PLANE_LIFELINE=stdin in its environment a component ends as soon as its standard
// input does. Whoever started it holds the other end, so it cannot outlive its owner, however that
// owner ends and whatever the system.
//
// One binary shares one copy of Kubernetes' libraries: it is a third of the size of four, and is
// built once. Nothing of the components is changed here.
package main

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
	"k8s.io/component-base/version"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllers "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
)

func main() {
	if len(os.Args) < 2 {
		refuse("no component is named")
	}
	component := os.Args[1]
	os.Args = append([]string{component}, os.Args[2:]...)
	if os.Getenv("CONTROL_PLANE_LIFELINE") == "stdin" {
		go endWithOwner(component)
	}
	switch component {
	case "etcd":
		etcdmain.Main(os.Args)
	case "kube-apiserver":
		run(apiserver.NewAPIServerCommand())
	case "kube-controller-manager":
		run(controllers.NewControllerManagerCommand())
	case "kube-scheduler":
		run(scheduler.NewSchedulerCommand())
	case "version":
		fmt.Println(version.Get().GitVersion)
	default:
		refuse(fmt.Sprintf("no component is called %q", component))
	}
}

func run(command *cobra.Command) {
	os.Exit(cli.Run(command))
}

func endWithOwner(component string) {
	_, _ = io.Copy(io.Discard, os.Stdin)
	fmt.Fprintln(os.Stderr, component+": its lifeline has ended, and so does it")
	os.Exit(1)
}

func refuse(seen string) {
	fmt.Fprintln(os.Stderr, "control-plane: "+seen+
		"; name etcd, kube-apiserver, kube-controller-manager, kube-scheduler or version")
	os.Exit(2)
}
