/* A load process: holds sockets and asks questions on them as its parent says. */
import { setTimeout as sleep } from 'node:timers/promises';
import { ClientSocket } from './client-socket.ts';
import { CompletionsClient } from './completions-client.ts';
import type { Answer, Command, Connect, Drive, Opened, Progress, ResumedAnswer, Storm } from './messages.ts';
import { type ChatClient, now, received } from './received.ts';
import { ResumingReader } from './resuming-reader.ts';

let sockets: ChatClient[] = [];
let loopBefore = performance.eventLoopUtilization();

async function connect(command: Connect): Promise<Opened> {
  const failures: string[] = [];
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < command.count) {
      const number = next;
      next += 1;
      try {
        sockets.push(await openOne(command, number));
      } catch (error) {
        failures.push(error instanceof Error ? error.message : String(error));
      }
    }
  };
  await Promise.all(Array.from({ length: command.concurrency }, lane));
  return { opened: sockets.length, failures: failures.slice(0, 10) };
}

function openOne({ urls, headers, speaks, model, visitors, addresses }: Connect, number: number): Promise<ChatClient> {
  const url = urls[number % urls.length] ?? '';
  const user = visitors === '' ? '' : `${visitors}-${number}`;
  if (speaks === 'completions') return CompletionsClient.open({ url, headers, model, user });
  return ClientSocket.open(user === '' ? url : `${url}&visitor_id=${user}`, headers, `127.0.0.${1 + (number % addresses)}`);
}

async function drive(command: Drive): Promise<Answer[]> {
  const answers: Answer[] = [];
  const { everyMs = 0 } = command;
  const from = now();
  const until = from + command.forMs;
  const lane = async (socket: ChatClient, number: number): Promise<void> => {
    const begin = (command.spreadMs * number) / sockets.length;
    // Who would begin after the end does not begin.
    if (everyMs > 0 && begin >= command.forMs) return;
    if (begin > 0) await sleep(begin);
    for (let turn = 0; turn === 0 || (now() < until && socket.isOpen); turn += 1) {
      const marker = `${command.tag}-${number}-${turn}`;
      const conversation = `${command.tag}-${number}-${Math.floor(turn / command.turnsPerConversation)}`;
      const text = `[[demo: ${JSON.stringify(command.script)}]] ${marker}`;
      const answer = await socket.ask(conversation, marker, text, command.answerLimitMs);
      answers.push(answer);
      // A server that refuses is not asked a million times.
      if (answer.error !== '') await sleep(100);
      if (command.pauseMs > 0) await sleep(Math.random() * command.pauseMs);
      if (everyMs > 0) {
        const next = from + begin + (turn + 1) * everyMs;
        if (next >= until) return;
        await sleep(Math.max(0, next - now()));
      }
    }
  };
  await Promise.all(sockets.map(lane));
  return answers;
}

function storm(command: Storm): Promise<ResumedAnswer[]> {
  const reader = async (number: number): Promise<ResumedAnswer> => {
    await sleep((command.spreadMs * number) / command.count);
    const marker = `${command.tag}-${number}`;
    const urls = command.urls.map((url) => `${url}&visitor_id=${command.visitors}-${number}`) as [string, string];
    return new ResumingReader({
      urls,
      headers: command.headers,
      from: `127.0.0.${1 + (number % command.addresses)}`,
      marker,
      text: `[[demo: ${JSON.stringify(command.script)}]] ${marker}`,
      jitterMs: command.jitterMs,
      limitMs: command.answerLimitMs,
    }).run();
  };
  return Promise.all(Array.from({ length: command.count }, (_, number) => reader(number)));
}

function look(): Progress {
  const loopNow = performance.eventLoopUtilization();
  const { utilization } = performance.eventLoopUtilization(loopNow, loopBefore);
  loopBefore = loopNow;
  return { ...received, loop: utilization };
}

async function close(): Promise<null> {
  const all = sockets;
  sockets = [];
  await Promise.all(all.map((socket) => socket.close()));
  return null;
}

function obey(command: Command): Promise<unknown> {
  switch (command.do) {
    case 'connect':
      return connect(command);
    case 'drive':
      return drive(command);
    case 'storm':
      return storm(command);
    case 'look':
      return Promise.resolve(look());
    case 'close':
      return close();
  }
}

process.on('message', ({ id, question }: { id: number; question: Command }) => {
  obey(question).then(
    (value) => process.send?.({ id, value }),
    (error: unknown) => process.send?.({ id, error: String(error) }),
  );
});
process.on('disconnect', () => process.exit(1));
