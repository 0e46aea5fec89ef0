# shellcheck shell=bash
# The servers of the tests as a stack of compose/: its folder is
# SLUICE_TEST_STACK, and its ports begin at SLUICE_TEST_PORT_BASE. Nothing that
# was set for compose/up counts here. The ports are below those that the kernel
# gives to clients, because servers are restarted. Sourced by tests/run and
# tests/servers.

for name in ${!SLUICE_STACK_@} SLUICE_BIN_DIR; do unset "$name"; done
BASE=${SLUICE_TEST_PORT_BASE:-21000}
export SLUICE_STACK_DIR=${SLUICE_TEST_STACK:-build/test-stack}
export SLUICE_STACK_PARTS='primary replica redis kafka'
export SLUICE_STACK_PORT_BASE=$BASE
export SLUICE_STACK_POSTGRES_OPTS=${SLUICE_TEST_POSTGRES_OPTS:-fsync=off checkpoint_timeout=30s}
# The tests restart Kafka every few minutes: Java's optimising compiler would take
# more than it gives.
export SLUICE_STACK_KAFKA_HEAP='-Xms256m -Xmx512m -XX:TieredStopAtLevel=1'
# shellcheck source=compose/lib/stack.sh
. "${BASH_SOURCE[0]%/*}/../compose/lib/stack.sh"
export SLUICE_STACK_DIR=$STACK # and to the children, for compose/part
for name in ${!SLUICE_STACK_@} SLUICE_CACHE_DIR; do export "${name?}"; done
unset name
