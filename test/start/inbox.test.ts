import { createTransport } from 'nodemailer';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startInbox } from '../../scripts/local/inbox.mjs';

let inbox: Awaited<ReturnType<typeof startInbox>>;
beforeAll(async () => {
  inbox = await startInbox();
});
afterAll(() => inbox.stop());

const send = (text: string, url = inbox.smtpUrl) =>
  createTransport({ url }).sendMail({ from: 'parley@localhost', to: 'grace@example.com', subject: 'An <b>invitation</b>', text });

it('shows what it got as text, with links that can be followed', async () => {
  await send('Grüße! Open http://localhost:3000/account/reset#token=abc&x="1"\n<script>alert(1)</script>');
  const page = await fetch(inbox.url);
  const html = await page.text();
  expect(html).toContain('To grace@example.com');
  expect(html).toContain('An &lt;b&gt;invitation&lt;/b&gt;');
  expect(html).toContain('<a href="http://localhost:3000/account/reset#token=abc&amp;x=" rel="noreferrer">');
  expect(html).toContain('Grüße!');
  expect(html).not.toContain('<script');
  expect(page.headers.get('content-security-policy')).toContain("default-src 'none'");
});

it('takes no mail without its password, none that is huge, and shows nothing at another address', async () => {
  await expect(send('x', inbox.smtpUrl.replace(/:[^:@]+@/, ':wrong@'))).rejects.toThrow(/535|authentication/i);
  await expect(send('x'.repeat(400_000))).rejects.toThrow(/552|size/i);
  const { origin } = new URL(inbox.url);
  for (const path of ['/', '/mails.json', '/x/']) expect((await fetch(origin + path)).status).toBe(404);
});
