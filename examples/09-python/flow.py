"""The whole flow in thirty lines of Python's standard library: a dog that takes parcels, and a walker who sends one."""
import json, os, threading, urllib.request

ROUTER = os.environ.get("WAYBILL_URL", "ws://127.0.0.1:7411").replace("ws", "http", 1)
TOKEN = {"authorization": f"Bearer {os.environ['WAYBILL_TOKEN']}"} if "WAYBILL_TOKEN" in os.environ else {}

def ask(method, url, body=b"", headers={}):
    request = urllib.request.Request(url if url.startswith("http") else ROUTER + url, body or None, {**TOKEN, **headers}, method=method)
    with urllib.request.urlopen(request) as answer:
        return answer.headers, answer.read()

def register(name):
    ask("POST", "/register", json.dumps({"name": name, "language": "python"}).encode())

def dog():
    about, parcel = ask("GET", "/receive?name=dog&wait=30")
    print(f"the dog has {parcel.hex()} of type {about['content-type']} from {about['waybill-from']}")
    ask("POST", about["waybill-received"])
    ask("POST", about["waybill-postback"], json.dumps({"bytes": len(parcel)}).encode(), {"content-type": "application/json"})

register("dog"), register("walker")
threading.Thread(target=dog).start()
sent = {"waybill-from": "walker", "content-type": "image/x-paw"}
receipt = json.loads(ask("POST", "/dispatch/dog", b"\x00\xff\x10", sent)[1])
print("the walker has a receipt:", receipt["status"])
about, result = ask("GET", "/receive?name=walker&wait=30")
ask("POST", about["waybill-received"])
print(f"the walker is told: {about['waybill-kind']} {result.decode()}, of his receipt: {about['waybill-receipt'] == receipt['receipt_id']}")
for name in "dog", "walker":
    ask("DELETE", f"/register/{name}")
