// Package osspecific lacks this file in the published module of Argo Workflows: written afresh for the local build.
package osspecific

import (
	"os"
	"syscall"

	"github.com/argoproj/argo-workflows/v3/util/errors"
)

// Term asks a process to end.
var Term = syscall.SIGTERM

// CanIgnoreSignal says which signals the runtime itself raises: they are not for the step's process.
func CanIgnoreSignal(s os.Signal) bool {
	return s == syscall.SIGCHLD || s == syscall.SIGURG
}

// Kill signals the whole process group of pid, or pid alone if it has none.
func Kill(pid int, s syscall.Signal) error {
	if group, err := syscall.Getpgid(pid); err == nil {
		pid = -group
	}
	return syscall.Kill(pid, s)
}

// Setpgid gives the process a group of its own, for Kill.
func Setpgid(attributes *syscall.SysProcAttr) {
	attributes.Setpgid = true
}

// Wait reaps every child, as the first process of a container must, until the given one has ended.
func Wait(process *os.Process) error {
	pid := process.Pid
	// From here on the runtime leaves the process to us.
	if err := process.Release(); err != nil {
		return err
	}
	for {
		var status syscall.WaitStatus
		switch ended, err := syscall.Wait4(-1, &status, 0, nil); {
		case err == syscall.EINTR:
			continue
		case err != nil:
			return err
		case ended != pid:
			continue
		case status.Signaled():
			return errors.NewExitErr(128 + int(status.Signal()))
		case status.Exited():
			return errors.NewExitErr(status.ExitStatus())
		}
	}
}
