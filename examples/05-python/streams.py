"""The streams of the calls of a client, in both directions: asynchronous generators here, items, credit and stop there."""
import asyncio
import functools
import inspect
import json
import operator
from base64 import b64decode, b64encode


class Failed(Exception):
    """A call that was rejected, or that ended with an exception; `executed` says whether it ran."""

    def __init__(self, code, message, executed, details=None):
        super().__init__(message)
        self.code, self.executed, self.details = code, executed, details

    @staticmethod
    def of(said):
        return Failed(said.get('code') or said.get('xclass'), said['exval'], said.get('executed', 'maybe'), said.get('details'))


class Streams:
    """Each stream is known by the sn of its call and its name; a method that runs by that of its result."""

    def __init__(self):
        self.running, self.arriving, self.granted = {}, {}, {}

    def _streamed(self, message):
        """Whether the message was about a stream."""
        kind = next((kind for kind in ('item', 'end', 'credit', 'stop') if kind in message), None)
        stream = kind and (message['sn'], message[kind]['stream'])
        if kind in ('item', 'end') and stream in self.arriving:
            self.arriving[stream].put_nowait((kind, message[kind]))
        elif kind == 'credit' and stream in self.granted:
            self.granted[stream].put_nowait(message[kind]['bytes'])
        elif kind == 'stop' and stream in self.running:
            self.running[stream].cancel()
        return kind is not None

    def _uploads(self, args):
        """Arguments as they are said, the places of streams in them, and what is sent there."""
        sources = {f'a{at + 1}': arg for at, arg in enumerate(args) if inspect.isasyncgen(arg)}
        places = [[[int(name[1:]) - 1], name, 'values'] for name in sources]
        return [None if inspect.isasyncgen(arg) else arg for arg in args], places, sources

    async def _placed(self, sn, value, streams):
        """The value, and in the places of its streams what is iterated. Their senders wait for what is taken here."""
        whole = [value]
        for path, name, _ in streams:
            *way, last = [0, *path]
            self.arriving[sn, name] = asyncio.Queue()
            functools.reduce(operator.getitem, way, whole)[last] = self._arrive(sn, name)
            await self._say({'sn': sn, 'credit': {'stream': name, 'items': 0}})
        return whole[0]

    async def _arrive(self, sn, name):
        """Whoever does not go on to the end stops it."""
        queue = self.arriving.get((sn, name))
        try:
            while queue is not None and (word := await queue.get())[0] == 'item':
                yield b64decode(word[1]['bytes']) if 'bytes' in word[1] else word[1].get('value')
                await self._say({'sn': sn, 'credit': {'stream': name, 'items': 1}})
            if self.arriving.pop((sn, name), None) and 'exval' in word[1]:
                raise Failed.of(word[1])
        finally:
            if self.arriving.pop((sn, name), None):
                await self._say({'sn': sn, 'stop': {'stream': name}})
            self._over(sn)

    def _over(self, sn):
        """Of a call of which nothing arrives any more nothing is sent."""
        if not any(of == sn for of, _ in self.arriving):
            for (of, name), task in list(self.running.items()):
                if of == sn and name.startswith('a'):
                    task.cancel()

    async def _upload(self, sn, name, source):
        outcome = {}
        try:
            await self._give(sn, name, source, 0)
        except asyncio.CancelledError:
            return
        except Exception as error:
            outcome = {'exval': str(error), 'xclass': type(error).__name__}
        finally:
            self.running.pop((sn, name), None)
        await self._say({'sn': sn, 'end': {'stream': name, **outcome}})

    async def _give(self, sn, name, source, credit):
        """Takes no step of the generator without credit, and closes it where it is stopped."""
        granted = self.granted[sn, name] = asyncio.Queue()
        try:
            while True:
                while credit <= 0 or not granted.empty():
                    credit += await granted.get()
                value = await anext(source, source)
                if value is source:
                    return None
                is_bytes = isinstance(value, bytes)
                credit -= max(1024, 32 + len(value if is_bytes else json.dumps(value)))
                item = {'bytes': b64encode(value).decode()} if is_bytes else {'value': value}
                await self._say({'sn': sn, 'item': {'stream': name, **item}})
        finally:
            del self.granted[sn, name]
            await source.aclose()
