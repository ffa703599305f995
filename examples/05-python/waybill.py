"""A Waybill client in Python, over the JSON door of a router: calls, serves, publishes, subscribes. Needs `websockets` and PROTOCOL.md alone."""
import asyncio
import inspect
import json
import uuid

import websockets


class Failed(Exception):
    """A call that was rejected, or that ended with an exception; `executed` says whether it ran."""

    def __init__(self, code, message, executed, details=None):
        super().__init__(message)
        self.code, self.executed, self.details = code, executed, details


class Waybill:
    def __init__(self, url, name=None, token=None):
        self.url, self.token = url, token
        self.name, self.numbered, self.acknowledged = name, 0, 0
        self.saying = asyncio.Lock()
        self.pending, self.services, self.running, self.listeners = {}, {}, {}, []

    async def __aenter__(self):
        self.socket = await websockets.connect(self.url, max_size=None, compression=None)
        hello = {'magic': 24111602, 'version': 1}
        if self.name:
            hello['name'] = self.name
        if self.token:
            hello['credentials'] = {'token': self.token}
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
        """The value, or `Failed`. `options`: ttl, wait, data, orderKey, sticky, ... as PROTOCOL.md names them."""
        classname = destination.split('?')[0].split('@')[0].split('/')[-1]
        request = {'classname': classname, 'method': method, 'args': args, **({'kws': named} if named else {})}
        message = {'version': '1.0', 'routing': [self.name, destination], 'replyto': self.name, 'request': request, **options}
        return await self._ask(message, on_progress)

    async def send(self, destination, method, *args):
        """Nobody answers."""
        await self._say({'routing': [self.name, destination], 'request': {'classname': destination, 'method': method, 'args': args}})

    async def serve(self, service, version, methods, **terms):
        """`methods`: name -> function; one that takes `progress` is given what to await with total and completed."""
        self.services[service] = methods
        await self._ask({'register': {'service': service, 'version': version, 'methods': list(methods), **terms}})

    async def publish(self, topic, value):
        await self._say({'publish': {'topic': topic, 'value': value}})

    async def subscribe(self, pattern, listener):
        """`listener` is given each event that one of the subscriptions covers."""
        self.listeners.append(listener)
        await self._ask({'subscribe': {'topic': pattern}})

    async def _ask(self, message, on_progress=None):
        sn, future = str(uuid.uuid4()), asyncio.get_running_loop().create_future()
        self.pending[sn] = (future, on_progress)
        try:
            await self._say({'sn': sn, **message})
            return await future
        except asyncio.CancelledError:
            await self._say({'sn': sn, 'cancel': {}})
            raise
        finally:
            del self.pending[sn]

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
        for task in self.running.values():
            task.cancel()

    async def _heard(self, message):
        if 'request' in message:
            self.running[message['sn']] = asyncio.create_task(self._run(message))
        elif 'cancel' in message and message['sn'] in self.running:
            self.running[message['sn']].cancel()
        elif message.get('heartbeat') == 'ping':
            await self._say({'heartbeat': 'pong'})
        elif 'event' in message:
            for listener in self.listeners:
                listener(message['event'])
        elif 'goodbye' in message and message['goodbye']:
            print('goodbye:', message['goodbye']['code'], message['goodbye']['message'])
        elif message.get('sn') in self.pending:
            self._answered(message, *self.pending[message['sn']])

    def _answered(self, message, future, on_progress):
        status, result = message.get('status'), message.get('result')
        if status == 'progress' and on_progress:
            on_progress(message['total'], message['completed'])
        if future.done():
            return
        if status == 'rejected':
            future.set_exception(Failed(message['code'], message['description'], 'no', message.get('details')))
        elif result is not None and 'exval' in result:
            code = result.get('code') or result.get('xclass')
            future.set_exception(Failed(code, result['exval'], result['executed'], result.get('details')))
        elif result is not None:
            future.set_result(result.get('retval'))

    async def _run(self, message):
        sn, request = message['sn'], message['request']
        tell = lambda total, completed: self._say({'sn': sn, 'status': 'progress', 'total': total, 'completed': completed})
        try:
            method = self.services[request['classname']][request['method']]
            more = {'progress': tell} if 'progress' in inspect.signature(method).parameters else {}
            value = method(*request['args'], **request.get('kws', {}), **more)
            outcome = {'retval': await value if inspect.isawaitable(value) else value}
        except asyncio.CancelledError:
            outcome = {'exval': 'the call was cancelled', 'code': 'Cancelled', 'executed': 'maybe'}
        except Exception as error:
            outcome = {'exval': str(error), 'xclass': type(error).__name__, 'executed': 'yes'}
        self.running.pop(sn, None)
        await self._say({'sn': sn, 'result': outcome})
