"""A client of Waybill's JSON door, from PROTOCOL.md alone: calls, serves, and streams both ways."""
import asyncio
import json
from base64 import b64decode, b64encode
from contextlib import aclosing, asynccontextmanager, suppress
from functools import partial, reduce
from inspect import isasyncgen, isawaitable
from operator import getitem
from uuid import uuid4
from weakref import WeakValueDictionary

import websockets


class Failed(Exception):
    """A call that was refused, or ended with an exception; `executed` says whether it ran."""
    def __init__(self, said):
        super().__init__(said.get('exval') or said.get('description') or said.get('message'))
        self.code, self.details = said.get('code') or said.get('xclass'), said.get('details')
        self.executed = said.get('executed', 'no')


@asynccontextmanager
async def connect(url, **hello):
    """A client, as long as its connection lasts. `hello`: name, credentials, labels."""
    async with websockets.connect(url, max_size=None, compression=None) as socket:
        await socket.send(json.dumps({'hello': {**hello, 'paces': True}}))
        if 'refused' in (answer := json.loads(await socket.recv())):
            raise Failed(answer['refused'])
        waybill = Waybill(socket, answer['welcome']['name'])
        reading = asyncio.create_task(waybill._read())
        yield waybill
    await reading


class Waybill:
    def __init__(self, socket, name):
        self.socket, self.name, self.services = socket, name, {}
        self.tasks, self.queues = {}, WeakValueDictionary()  # by sn and name; queues while somebody waits

    async def call(self, service, method, *args, on_status=None, **options):
        """What it returns, or `Failed`. `options` stand beside the request: routing, ttl, data, ..."""
        sources = {f'a{n}': arg for n, arg in enumerate(args, 1) if isasyncgen(arg)}
        streams = [[[int(name[1:]) - 1], name, 'values'] for name in sources]
        args = [None if isasyncgen(arg) else arg for arg in args]
        request = {'classname': service, 'method': method, 'args': args, 'streams': streams}
        return await self.ask({'replyto': self.name, 'request': request, **options}, on_status, sources)

    async def serve(self, service, methods, **terms):
        """`methods`: by name, functions that are given `tell` first. `terms`: version, labels, ..."""
        self.services[service] = methods
        await self.ask({'register': {'service': service, 'methods': list(methods), **terms}})

    async def say(self, **message):
        await self.socket.send(json.dumps(message))

    async def ask(self, message, on_status=None, sources={}):
        sn = str(uuid4())
        answers = self.queues[sn, 'answers'] = asyncio.Queue()
        for name, source in sources.items():
            asyncio.create_task(self._finish(sn, name, self._send(sn, name, source)))
        try:
            await self.say(sn=sn, **message)
            while True:
                match await answers.get():
                    case {'result': {'exval': _} as failure} | ({'status': 'rejected'} as failure):
                        raise Failed(failure)
                    case {'result': result}:
                        return result.get('retval')
                    case status if on_status:
                        on_status(status)
        except asyncio.CancelledError:
            await self.say(sn=sn, cancel={})
            raise

    async def _read(self):
        with suppress(websockets.ConnectionClosed):
            async for text in self.socket:
                message, sn, queue = json.loads(text), None, 'others'
                match message:
                    case {'sn': sn, 'request': request}:
                        self._place(sn, request, 'args')
                        asyncio.create_task(self._finish(sn, 'r0', self._run(sn, **request)))
                    case {'sn': sn, 'cancel': _} if (sn, 'r0') in self.tasks:
                        self.tasks[sn, 'r0'].cancel()
                    case {'sn': sn, 'stop': {'stream': name}} if (sn, name) in self.tasks:
                        self.tasks[sn, name].cancel()
                    case {'sn': sn, 'credit': {'stream': name}}:
                        queue = f'credits {name}'
                    case {'sn': sn, 'item': {'stream': name}} | {'sn': sn, 'end': {'stream': name}}:
                        queue = f'items {name}'
                    case {'sn': sn, 'status': _} | {'sn': sn, 'result': _}:
                        self._place(sn, message.get('result', {}), 'retval')
                        queue = 'answers'
                if (sn, queue) in self.queues:
                    self.queues[sn, queue].put_nowait(message)
        lost = {'exval': 'the connection has ended', 'code': 'RouterLost', 'executed': 'maybe'}
        for queue in self.queues.values():
            queue.put_nowait({'result': lost, 'end': lost})
        for task in self.tasks.values():
            task.cancel()
        await asyncio.gather(*self.tasks.values(), return_exceptions=True)

    def _place(self, sn, said, member):
        for path, name, _ in said.get('streams', []):
            items = self.queues[sn, f'items {name}'] = asyncio.Queue()
            *way, last = member, *path
            reduce(getitem, way, said)[last] = self._iterate(sn, name, items)

    async def _iterate(self, sn, name, items):
        try:
            while item := (word := await items.get()).get('item'):
                yield b64decode(item['bytes']) if 'bytes' in item else item.get('value')
                await self.say(sn=sn, credit={'stream': name, 'items': 1})
        except BaseException:
            await self.say(sn=sn, stop={'stream': name})
            raise
        if 'exval' in word['end']:
            raise Failed(word['end'])

    async def _finish(self, sn, name, work):
        self.tasks[sn, name] = asyncio.current_task()
        try:
            end = {'retval': await work}
            json.dumps(end)
        except asyncio.CancelledError:
            end = {'exval': 'cancelled', 'code': 'Cancelled', 'executed': 'maybe'}
        except Exception as error:
            end = {'exval': str(error), 'xclass': type(error).__name__}
        del self.tasks[sn, name]
        with suppress(websockets.ConnectionClosed):
            await self.say(sn=sn, **({'result': end} if name == 'r0' else {'end': {'stream': name, **end}}))

    async def _run(self, sn, classname, method, args, kws={}, **_):
        value = self.services[classname][method](partial(self.say, sn=sn, status='progress'), *args, **kws)
        if isasyncgen(value):
            await self.say(sn=sn, result={'streams': [[[], 'r0', 'values']]})
            value = self._send(sn, 'r0', value, 262_144)
        return await value if isawaitable(value) else value

    async def _send(self, sn, name, source, credit=0):
        credits = self.queues[sn, f'credits {name}'] = asyncio.Queue()
        async with aclosing(source):
            async for value in source:
                while credit <= 0:
                    credit += (await credits.get())['credit']['bytes']
                item = {'bytes': b64encode(value).decode()} if isinstance(value, bytes) else {'value': value}
                credit -= max(1024, 32 + len(value if 'bytes' in item else json.dumps(value)))
                await self.say(sn=sn, item={'stream': name, **item})
