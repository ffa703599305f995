#!/bin/sh
# The whole flow with curl alone: a name is registered, sent to, comes for its parcel, acknowledges it and answers; whoever sent it is told.
set -eu

router=$(echo "${WAYBILL_URL:-ws://127.0.0.1:7411}" | sed 's/^ws/http/')
head=$(mktemp)
trap 'rm -f "$head"' EXIT

# curl, with the token where there is one. It fails where the router refuses, and says what the router said.
ask() {
  curl --silent --show-error --fail-with-body ${WAYBILL_TOKEN:+--header "authorization: Bearer $WAYBILL_TOKEN"} "$@"
}
# What a header of the last answer said.
said() {
  tr -d '\r' < "$head" | sed -n "s/^$1: //p"
}

echo '1  two names'
ask "$router/register" --data '{"name": "dog", "breed": "collie"}'
ask "$router/register" --data '{"name": "walker"}'

echo '2  the walker sends three bytes, and has a receipt'
printf '\000\377\020' |
  ask "$router/dispatch/dog" --dump-header "$head" --header 'waybill-from: walker' --header 'content-type: image/x-paw' --data-binary @- > /dev/null
receipt=$(said waybill-receipt)

echo '3  the dog comes for what is there'
ask "$router/receive?name=dog&wait=10" --dump-header "$head" | od -A n -t x1
echo "   of type $(said content-type), from $(said waybill-from)"
postback=$(said waybill-postback)
received=$(said waybill-received)

echo '4  it has it, and calls it 12345'
ask "$received" --data '{"status": "received", "receipt_id": "12345"}'

echo '5  it works, and the receipt says so'
ask "$router/receipts/$receipt/result" | sed 's/,"receipt_id.*/}/'

echo '6  it answers'
ask "$postback" --header 'content-type: text/plain' --data 'three bytes'
echo '   and may do so once:'
curl --silent ${WAYBILL_TOKEN:+--header "authorization: Bearer $WAYBILL_TOKEN"} "$postback" --data 'again' | sed 's/,"message.*/}/'

echo '7  the walker is told, and says that it knows'
ask "$router/receive?name=walker&wait=10" --dump-header "$head"
echo " ($(said waybill-kind))"
ask --request POST "$(said waybill-received)"

echo '8  the receipt has it too, for an hour'
ask "$router/receipts/$receipt/result"
echo

echo '9  both leave'
for name in dog walker; do ask --request DELETE "$router/register/$name"; done
