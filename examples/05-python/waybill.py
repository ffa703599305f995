"""A Waybill client in Python, over the JSON door of a router: calls, serves, streams, publishes, subscribes. Needs `websockets` and PROTOCOL.md alone."""
import asyncio
import inspect
import json
import uuid

import websockets
from streams import Failed, Streams


class Waybill(Streams):
    def __init__(self, url, name=None, token=None):
        super().__init__()
        self.url, self.token = url, token
        self.name, self.numbered, self.acknowledged = name, 0, 0
        self.saying = asyncio.Lock()
        self.pending, self.services, self.listeners = {}, {}, []

    async def __aenter__(self):
        self.socket = await websockets.connect(self.url, max_size=None, compression=None)
        hello = {'magic': 24111602, 'version': 1, 'name': self.name, 'credentials': self.token and {'token': self.token}}
        hello = {name: value for name, value in hello.items() if value}
        await self.socket.send(json.dumps({'hello': hello}))
        answer = json.loads(await self.socket.recv())
        if 'refused' in answer:
            raise Failed(answer['refused']['code'], answer['refused']['message'], 'no')
        self.name = answer['welcome']['name']
        self.reading = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *_):
        await self._say({'goodbye': {}})
        await self.socket.close()
        await self.reading

    async def call(self, destination, method, *args, named=None, on_progress=None, **options):
        """The value, or `Failed`; what is a stream in it is iterated. `options`: ttl, wait, data, orderKey, ... as PROTOCOL.md names them."""
        classname = destination.split('?')[0].split('@')[0].split('/')[-1]
        given, places, sources = self._uploads(args)
        request = {'classname': classname, 'method': method, 'args': given, 'streams': places, **({'kws': named} if named else {})}
        message = {'version': '1.0', 'routing': [self.name, destination], 'replyto': self.name, 'request': request, **options}
        return await self._ask(message, on_progress, sources)

    async def send(self, destination, method, *args):
        """Nobody answers."""
        await self._say({'routing': [self.name, destination], 'request': {'classname': destination, 'method': method, 'args': args}})

    async def serve(self, service, version, methods, **terms):
        """`methods`: name -> function; one that takes `progress` is given what to await with total and completed; asynchronous generators stream."""
        self.services[service] = methods
        await self._ask({'register': {'service': service, 'version': version, 'methods': list(methods), **terms}})

    async def publish(self, topic, value):
        await self._say({'publish': {'topic': topic, 'value': value}})

    async def subscribe(self, pattern, listener):
        """`listener` is given each event that one of the subscriptions covers."""
        self.listeners.append(listener)
        await self._ask({'subscribe': {'topic': pattern}})

    async def _ask(self, message, on_progress=None, sources={}):
        sn, future = str(uuid.uuid4()), asyncio.get_running_loop().create_future()
        self.pending[sn] = (future, on_progress)
        for name, source in sources.items():
            self.running[sn, name] = asyncio.create_task(self._upload(sn, name, source))
        try:
            await self._say({'sn': sn, **message})
            return await future
        except asyncio.CancelledError:
            await self._say({'sn': sn, 'cancel': {}})
            raise
        finally:
            del self.pending[sn]
            self._over(sn)

    async def _say(self, message):
        async with self.saying:
            self.numbered += 1
            await self.socket.send(json.dumps({'n': self.numbered, **message}))

    async def _read(self):
        lost = Failed('RouterLost', 'the connection has ended', 'maybe')
        try:
            async for text in self.socket:
                message = json.loads(text)
                self.acknowledged = message.get('ack', self.acknowledged)
                await self._heard(message)
        except websockets.ConnectionClosed:
            pass
        for future, _ in self.pending.values():
            future.done() or future.set_exception(lost)
        for queue in self.arriving.values():
            queue.put_nowait(('end', {'exval': str(lost), 'code': lost.code}))
        for task in list(self.running.values()):
            task.cancel()

    async def _heard(self, message):
        sn = message.get('sn')
        if 'request' in message:
            args = await self._placed(sn, message['request']['args'], message['request'].get('streams', []))
            self.running[sn, 'r0'] = asyncio.create_task(self._run(message, args))
        elif 'cancel' in message and (sn, 'r0') in self.running:
            self.running[sn, 'r0'].cancel()
        elif message.get('heartbeat') == 'ping':
            await self._say({'heartbeat': 'pong'})
        elif 'event' in message:
            for listener in self.listeners:
                listener(message['event'])
        elif message.get('goodbye'):
            print('goodbye:', message['goodbye']['code'], message['goodbye']['message'])
        elif not self._streamed(message) and sn in self.pending:
            await self._answered(message, *self.pending[sn])

    async def _answered(self, message, future, on_progress):
        status, result = message.get('status'), message.get('result')
        if status == 'progress' and on_progress:
            on_progress(message['total'], message['completed'])
        if future.done():
            return
        if status == 'rejected':
            future.set_exception(Failed(message['code'], message['description'], 'no', message.get('details')))
        elif result is not None and 'exval' in result:
            future.set_exception(Failed.of(result))
        elif result is not None:
            future.set_result(await self._placed(message['sn'], result.get('retval'), result.get('streams', [])))

    async def _run(self, message, args):
        sn, request, said = message['sn'], message['request'], {}
        tell = lambda total, completed: self._say({'sn': sn, 'status': 'progress', 'total': total, 'completed': completed})
        try:
            method = self.services[request['classname']][request['method']]
            more = {'progress': tell} if 'progress' in inspect.signature(method).parameters else {}
            value = method(*args, **request.get('kws', {}), **more)
            value = await value if inspect.isawaitable(value) else value
            if inspect.isasyncgen(value):
                await self._say({'sn': sn, 'result': {'streams': [[[], 'r0', 'values']]}})
                said = {'stream': 'r0'}
                value = await self._give(sn, 'r0', value, 262_144)
            outcome = {'retval': value}
            json.dumps(outcome)
        except asyncio.CancelledError:
            outcome = {'exval': 'the call was cancelled', 'code': 'Cancelled', 'executed': 'maybe'}
        except Exception as error:
            outcome = {'exval': str(error), 'xclass': type(error).__name__, 'executed': 'yes'}
        self.running.pop((sn, 'r0'), None)
        for _, name, _ in request.get('streams', []):
            self.arriving.pop((sn, name), None)
        await self._say({'sn': sn, 'end' if said else 'result': {**said, **outcome}})
