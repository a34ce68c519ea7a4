# What the client gets of the service, in turns.
for n in 1 2 3 4 5 6; do
	curl --silent --show-error --fail --max-time 5 http://192.168.140.100/
done | sort | uniq -c
