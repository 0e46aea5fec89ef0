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
export SLUICE_STACK_PRIMARY_PORT=$((BASE + 432)) SLUICE_STACK_REPLICA_PORT=$((BASE + 433))
export SLUICE_STACK_REDIS_PORT=$((BASE + 379))
export SLUICE_STACK_KAFKA_PORT=$((BASE + 92)) SLUICE_STACK_CONTROLLER_PORT=$((BASE + 93))
export SLUICE_STACK_POSTGRES_OPTS=${SLUICE_TEST_POSTGRES_OPTS:-fsync=off}
# shellcheck source=compose/lib/stack.sh
. "${BASH_SOURCE[0]%/*}/../compose/lib/stack.sh"
export SLUICE_STACK_DIR=$STACK # and to the children, for compose/part
for name in ${!SLUICE_STACK_@} SLUICE_CACHE_DIR; do export "${name?}"; done
unset name
