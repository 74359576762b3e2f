import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** Reads what one connection sends to the service. */
export interface Listener {
  sent: (bytes: Buffer) => void;
}

/** A loopback port that hands everything on to another one, and lets somebody read along. */
export interface Tap {
  port: number;
  stop: () => Promise<void>;
}

/** Opens a tap before the port `to`; each connection is read by a listener of its own. */
export function openTap(to: number, listen: () => Listener): Promise<Tap> {
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (client) => {
    const service = connect({ port: to, host: '127.0.0.1', noDelay: true });
    const listener = listen();
    client.on('data', (bytes) => listener.sent(bytes));
    client.pipe(service).pipe(client);
    for (const [socket, other] of [
      [client, service],
      [service, client],
    ] as const) {
      sockets.add(socket);
      socket.on('error', () => other.destroy());
      socket.on('close', () => {
        sockets.delete(socket);
        other.destroy();
      });
    }
  });
  const stop = () =>
    new Promise<void>((resolve) => {
      for (const socket of sockets) socket.destroy();
      server.close(() => resolve());
    });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => resolve({ port: (server.address() as AddressInfo).port, stop }));
  });
}
