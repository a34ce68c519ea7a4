package schedule

import (
	"strings"
	"testing"
	"time"
)

func job(every time.Duration, args ...string) Job {
	return Job{Name: "web", Every: every, User: "alice", Args: append([]string{"/usr/local/bin/lvsup", "drift"}, args...)}
}

// minute of the job "web".
const minute = "25"

func TestTimes(t *testing.T) {
	for every, want := range map[time.Duration][2]string{
		5 * time.Minute:  {"*:0/5", "0-59/5 * * * *"},
		30 * time.Minute: {"*:25/30", "25-59/30 * * * *"},
		time.Hour:        {"0/1:" + minute, minute + " */1 * * *"},
		8 * time.Hour:    {"0/8:" + minute, minute + " */8 * * *"},
		24 * time.Hour:   {"*-*-* 03:" + minute + ":00", minute + " 3 * * *"},
	} {
		j := job(every)
		if got := j.calendar(); got != want[0] {
			t.Errorf("every %s, systemd: %s, want %s", every, got, want[0])
		}
		if got := j.cronTime(); got != want[1] {
			t.Errorf("every %s, cron: %s, want %s", every, got, want[1])
		}
	}
}

func TestWords(t *testing.T) {
	j := job(time.Hour, "a b", "50%", "it's", `"`, "", "$HOME")
	if want := `ExecStart=/usr/local/bin/lvsup drift "a b" 50%% "it's" "\"" "" $$HOME` + "\n"; !strings.Contains(j.Service(), want) {
		t.Errorf("no %s in\n%s", want, j.Service())
	}
	if want := `alice flock -n -E 0 /etc/cron.d/lvsup-drift-web /usr/local/bin/lvsup drift 'a b' 50\% 'it'\''s' '"' '' '$HOME'` + "\n"; !strings.Contains(j.Crontab(), want) {
		t.Errorf("no %s in\n%s", want, j.Crontab())
	}
}

func TestJobMistakes(t *testing.T) {
	for want, j := range map[string]Job{
		`"../x"`:        {Name: "../x", Every: time.Hour, User: "root", Args: []string{"/l"}},
		`"a.b"`:         {Name: "a.b", Every: time.Hour, User: "root", Args: []string{"/l"}},
		`"root\n"`:      {Name: "a", Every: time.Hour, User: "root\n", Args: []string{"/l"}},
		"every 7m0s":    {Name: "a", Every: 7 * time.Minute, User: "root", Args: []string{"/l"}},
		"absolute path": {Name: "a", Every: time.Hour, User: "root", Args: []string{"l"}},
		"on one line":   {Name: "a", Every: time.Hour, User: "root", Args: []string{"/l", "x\ny"}},
	} {
		if err := j.check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", j, err, want)
		}
	}
}

func TestWhen(t *testing.T) {
	for every, want := range map[time.Duration]string{24 * time.Hour: "every night at 03:" + minute, time.Hour: "every 1h", 5 * time.Minute: "every 5m"} {
		if got := job(every).When(); got != want {
			t.Errorf("%s: %q, want %q", every, got, want)
		}
	}
}
