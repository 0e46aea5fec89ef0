# shellcheck shell=bash
# Kafka: one broker that is its own controller, run from jars that Maven fetches
# by kafka/pom.xml into a folder that checkouts share.

# The folder is named after the pom, so a changed pom gets a new one.
kafka_home() {
	local sum version
	sum=$(sha256sum <"$SLUICE_ROOT/compose/kafka/pom.xml")
	version=$(sed -n 's:.*<kafka.version>\(.*\)</kafka.version>.*:\1:p' "$SLUICE_ROOT/compose/kafka/pom.xml")
	echo "$SLUICE_CACHE_DIR/kafka-$version-${sum:0:8}"
}

fetch_kafka() {
	local home=$1 new=$1.$$
	say kafka "fetching its jars by Maven"
	mkdir -p "$new"
	mvn -B -q -C -f "$SLUICE_ROOT/compose/kafka/pom.xml" dependency:copy-dependencies \
		-DincludeScope=runtime "-DoutputDirectory=$new" >>"$LOGS/kafka.log" 2>&1 || {
		rm -rf "$new"
		return 1
	}
	# Another checkout may have been quicker.
	[[ -d $home ]] || mv -T "$new" "$home"
	rm -rf "$new"
	say kafka "has its jars in $home"
}

# kafka_java: sets KAFKA_JAVA to the Java command. The natives of the compression
# libraries are unpacked into the temporary folder and run from there.
#
# A collection of the young generation stops the broker for 15 to 40 ms on two
# busy cores, however large that generation is: most of Kafka's objects live for a
# moment, 50 MiB live long. Java's default of 85 MiB is full once a second under
# load. Then the collections decide the 99th percentile of all times. 384 MiB are
# full once in four seconds. Objects that survive two collections become old:
# otherwise Kafka's pools of 16 MiB are copied 15 times. Writes at half of the
# maximum rate, in turns: tests/bench/http --rounds 1 --seconds 8 --connections 64
# --only "202 open", with SLUICE_BENCH_KAFKA_HEAP="-Xms256m -Xmx512m", and without:
#
#   young generation         85 MiB      384 MiB
#   202, p99 ms          19.1  20.5   12.5  12.7
#   visible, p99 ms      34.1  39.6   27.2  30.3
kafka_java() {
	local dir=$DATA/kafka
	KAFKA_JAVA=(java -XX:+UseSerialGC -XX:MaxTenuringThreshold=2
		-XX:ActiveProcessorCount=2
		-Djava.awt.headless=true "-Djava.io.tmpdir=$dir/tmp"
		"-Dlog4j2.configurationFile=$dir/log4j2.properties" -cp "$(kafka_home)/*")
}

write_kafka_config() {
	local dir=$DATA/kafka
	mkdir -p "$dir/tmp"
	cp "$SLUICE_ROOT/compose/kafka/log4j2.properties" "$dir/"
	{
		cat "$SLUICE_ROOT/compose/kafka/server.properties"
		echo
		echo "listeners=PLAINTEXT://127.0.0.1:$SLUICE_STACK_KAFKA_PORT,CONTROLLER://127.0.0.1:$SLUICE_STACK_CONTROLLER_PORT"
		echo "advertised.listeners=PLAINTEXT://127.0.0.1:$SLUICE_STACK_KAFKA_PORT"
		echo "controller.quorum.voters=1@127.0.0.1:$SLUICE_STACK_CONTROLLER_PORT"
		echo "log.dirs=$dir/log"
	} >"$dir/server.properties"
	give_to_server "$dir"
}

# A cluster id is 16 bytes in URL-safe base64, and must not look like an option.
new_cluster_id() {
	local id=-
	while [[ $id == -* ]]; do
		id=$(head -c 16 /dev/urandom | base64 | tr '+/' '-_')
	done
	echo "${id:0:22}"
}

format_kafka() {
	local dir=$DATA/kafka
	rm -rf "$dir/log"
	as_server "${KAFKA_JAVA[@]}" -XX:TieredStopAtLevel=1 kafka.tools.StorageTool format \
		--cluster-id "$(new_cluster_id)" --config "$dir/server.properties" >>"$LOGS/kafka.log" 2>&1
	touch "$dir/formatted"
}

start_kafka() {
	local dir=$DATA/kafka home
	local -a heap
	home=$(kafka_home)
	[[ -d $home ]] || fetch_kafka "$home"
	write_kafka_config
	kafka_java
	[[ -e $dir/formatted ]] || format_kafka
	read -r -a heap <<<"$SLUICE_STACK_KAFKA_HEAP"
	spawn kafka "$dir" "${AS_SERVER[@]}" "${KAFKA_JAVA[@]}" "${heap[@]}" \
		kafka.Kafka "$dir/server.properties"
}

# Asks the broker which protocol versions it speaks (ApiVersions, version 0): its
# port is open a moment before it answers.
ask_kafka() {
	local size
	exec 7<>"/dev/tcp/127.0.0.1/$SLUICE_STACK_KAFKA_PORT" || return 1
	printf '\0\0\0\12\0\22\0\0\0\0\0\1\377\377' >&7
	size=$(timeout 3 head -c 4 <&7 | od -An -tu1)
	[[ -n ${size// /} ]]
}

healthy_kafka() {
	(ask_kafka) 2>/dev/null
}

stop_kafka() {
	stop_process kafka TERM 30
}
