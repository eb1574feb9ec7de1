#!/usr/bin/env bash
# The main job, end to end, on the sample inputs: place, fill, reconcile, replay, refuse, settle, compare with the
# brokers. Every command is shown as it is run, every result is checked, and the first surprise ends the demo.
#
# ORCHESTRATOR_CLI_BIN names the program; without it the one on the PATH is taken. Works in a new temporary folder.
set -euo pipefail

data=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/data
program=${ORCHESTRATOR_CLI_BIN:-orchestrator}
[[ $program != */* ]] || program=$(cd "$(dirname "$program")" && pwd)/$(basename "$program")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
# The demo shows the defaults, whatever the caller's environment says.
for variable in $(compgen -e | grep -E '^(ORCHESTRATOR_|DATABASE_URL$)' || true); do unset "$variable"; done
output=$folder/output

title() { printf '\n=== %s\n' "$*"; }
fail() {
  printf '\ndemo FAILED: %s\n' "$*" >&2
  exit 1
}

# run STATUS WORD...: shows and runs the command; its exit status must be STATUS.
run() {
  local wanted=$1 status=0
  shift
  printf '\n$ orchestrator'
  printf ' %q' "${@//$data/examples/data}"
  printf '\n'
  "$program" "$@" >"$output" 2>&1 || status=$?
  cat "$output"
  [ "$status" -eq "$wanted" ] || fail "exit status $status, expected $wanted"
}

# shows PATTERN...: the last command's output has a line for each extended regular expression.
shows() {
  local pattern
  for pattern in "$@"; do
    grep -Eq -- "$pattern" "$output" || fail "the output has no line that matches: $pattern"
  done
}

# count PATTERN N: so many lines match.
count() {
  local found
  found=$(grep -Ec -- "$1" "$output" || true)
  [ "$found" -eq "$2" ] || fail "$found lines match, expected $2: $1"
}

title 'Two orders, placed once'
run 0 place "$data/two_orders.json" --idempotency-key test-key-123
shows '^batch_id 1 +portfolio_id 1 +idempotency_key test-key-123$'
count ' acked$' 2
run 0 order get 1
shows '^status +acked$' '^qty +100$' '^price_limit +2500$'

title 'Filled, and reconciled to the last digit'
run 0 order fill 1 --price 2500 --qty 100
shows '^status +filled$'
run 0 order fill 2 --price 2600 --qty 50
shows '^status +filled$'

two_orders_report() {
  run 0 reconcile 1
  shows '^total_orders +2$' '^filled_orders +2$' '^pending_orders +0$' '^cancelled_orders +0$' \
    '^total_qty +150$' '^filled_qty +150$' '^total_value +380000$' '^filled_value +380000$' \
    '^expected_pnl +5000$' '^actual_pnl +5000$'
}
two_orders_report

title 'The same key again: the same batch, and no second order'
run 0 place "$data/two_orders.json" --idempotency-key test-key-123
shows '^batch_id 1 .*\(replayed\)$'
run 0 order list
count '^ *[0-9]+ ' 2

title 'The same key with another request: refused, nothing written'
sed 's/2500\.0/2501.0/' "$data/two_orders.json" >changed.json
run 5 place changed.json --idempotency-key test-key-123
shows '^error: '

title 'A basket of 50 orders over two brokers'
run 0 instrument import "$data/instruments_kite.csv"
shows '^warning: rows skipped: 1, the first: line 32: ' '^imported 50 instruments$'
run 0 calendar import NSE "$data/holidays_nse.txt"
run 0 broker set alpaca-mock --config '{"fill_model":"immediate"}'
run 0 broker set zerodha-mock --config '{"fill_model":"at_limit","fee_rate":"0.001"}'
run 0 route add --exchange NSE --broker zerodha-mock:3 --broker alpaca-mock:2
run 0 place "$data/basket_50.csv" --portfolio-id 2 --strict --price-collar 0.01 --dry-run
shows '^dry run: nothing was written or sent$'
run 0 place "$data/basket_50.csv" --portfolio-id 2 --strict --price-collar 0.01 --idempotency-key rebalance-1 --wait
shows '^batch_id 2 ' ' zerodha-mock ' ' alpaca-mock '
run 0 batch get 2
shows '^status +completed$' '^total_orders +50$' '^filled_orders +50$'
run 0 reconcile 2
shows '^filled_orders +50$' '^filled_qty +15723$' '^total_value +13599809\.75$' '^filled_value +13599809\.75$'

title 'The brokers agree, order by order and execution by execution'
run 0 reconcile 1 --broker
run 0 reconcile 2 --broker
shows 'no differences'
run 0 broker orders zerodha-mock

title 'Settled, once the days of T+1 have passed'
run 0 settle --as-of "$(date -u -d '+14 days' +%F)"
shows '^settled +52$' '^not_due +0$'
run 0 order list --status settled --limit 5

title 'Bad orders: every violation of every order at once, and nothing written'
run 0 instrument import "$data/instruments_plain.csv"
run 0 limit set 9 --margin-available 15000000 --max-notional-order 10000000 --max-notional-batch 20000000 \
  --max-notional-day 25000000
run 3 place "$data/bad_orders.json" --strict --price-collar 0.2 --max-quantity 100000 --duplicates refuse
shows 'qty\.off_lot' 'price\.off_tick' 'price\.outside_band' 'margin\.insufficient' 'instrument\.unknown'
run 3 place "$data/bad_orders.csv" --portfolio-id 9
shows 'orders\[0\]\.side: ' 'orders\[2\]\.qty: '
run 0 batch list
count '^ *[0-9]+ ' 2

title 'What happened, and how it stands'
run 0 event list --order 1
shows 'order\.placed' 'order\.acked' 'order\.filled' 'order\.settled'
run 0 event publish --events-file events.jsonl
shows '^waiting +0$'
run 0 recover
run 0 health
shows '^ok +yes$' '^unknown_orders +0$'

title 'The report of the first batch'
two_orders_report

printf '\ndemo ok: every figure as expected\n'
