import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { TOTP } from 'otpauth';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { mailServer } from '../support/mail-server.ts';
import { type TestStack, type TestTenant, testStack } from '../support/stack.ts';

const chromiumPath = process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium';
const chromiumFlags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-sync',
];
const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const password = 'a quite long phrase';

describe('account pages', { timeout: 60_000 }, () => {
  let mail: Awaited<ReturnType<typeof mailServer>>;
  let stack: TestStack;
  let browser: Browser;
  let url: string;
  const contexts: BrowserContext[] = [];

  beforeAll(async () => {
    mail = await mailServer();
    [stack, browser] = await Promise.all([
      testStack({ env: { SMTP_URL: mail.url } }),
      chromium.launch({ executablePath: chromiumPath, args: chromiumFlags }),
    ]);
    // Passkeys are for the host of PUBLIC_URL; browsers know `localhost` alone as safe without TLS.
    const port = Number(new URL(stack.url).port) + 1;
    url = `http://localhost:${port}`;
    await stack.replica({ PUBLIC_URL: url, PORT: String(port) });
  }, 120_000);
  afterEach(() => Promise.all(contexts.splice(0).map((context) => context.close())));
  afterAll(async () => {
    await browser?.close();
    await stack?.close();
    await mail?.stop();
  });

  /** A fresh person's page; `complaints` has what a clean page never says. */
  async function open(path: string): Promise<{ page: Page; complaints: string[] }> {
    const context = await browser.newContext({ reducedMotion: 'reduce' });
    contexts.push(context);
    const page = await context.newPage();
    page.setDefaultTimeout(20_000);
    const complaints: string[] = [];
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type()) && !message.text().includes('status of 4')) complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(String(error)));
    page.on('request', (request) => {
      if (new URL(request.url()).origin !== url && !request.url().startsWith('data:')) complaints.push(`foreign request: ${request.url()}`);
    });
    await page.goto(url + path);
    return { page, complaints };
  }

  async function fill(page: Page, fields: Record<string, string>): Promise<void> {
    for (const [id, value] of Object.entries(fields)) await page.getByTestId(id).fill(value);
    await page.getByTestId('submit').click();
  }

  async function linkMailed(to: string, subject: string): Promise<string> {
    const found = () => mail.kept.findLast((each) => each.to.includes(to) && each.text.includes(`Subject: ${subject}`));
    await expect.poll(found, { timeout: 10_000 }).toBeDefined();
    const link = /http:\S+/.exec((found()?.text ?? '').replaceAll('=\r\n', '').replaceAll('=3D', '='))?.[0] ?? '';
    return new URL(link).pathname + new URL(link).hash;
  }

  const signedIn = (page: Page) => page.waitForURL(`${url}/`);
  const member = (): Promise<TestTenant> => stack.tenant();

  it('are served under a strict policy, and have no finding of axe', async () => {
    for (const path of ['sign-in', 'sign-up', 'forgotten', 'reset#token=x', 'verify#token=x', 'invitation#token=x', 'security']) {
      const { page, complaints } = await open(`/account/${path}`);
      await page.getByRole('heading', { level: 1 }).waitFor();
      await page.evaluate(axeSource);
      const found = await page.evaluate<string[]>(
        `axe.run().then(({ violations }) => violations.map(({ id, nodes }) => id + ': ' + nodes[0].html))`,
      );
      expect({ path, found, complaints }).toEqual({ path, found: [], complaints: [] });
      // What a link brings is not kept in the address.
      expect(new URL(page.url()).hash).toBe('');
    }
    const response = await fetch(`${url}/account/reset`);
    expect(response.headers.get('content-security-policy')).not.toContain('unsafe');
    expect(response.headers.get('referrer-policy')).toBe('no-referrer');
    expect(await response.text()).not.toMatch(/<style|<script(?![^>]*\bsrc=)|\sstyle=/);
  });

  it('take a person from the first mail to a new password', async () => {
    const email = 'grace@example.com';
    const { page, complaints } = await open('/account/sign-up');
    await fill(page, { 'tenant-name': 'Acme', email, password: 'short' });
    expect(await page.evaluate(`document.querySelector('[data-testid=password]').validity.tooShort`)).toBe(true);
    await fill(page, { password });
    await signedIn(page);
    await page.goto(url + (await linkMailed(email, 'Confirm your e-mail')));
    await page.getByTestId('submit').click();
    await page.getByTestId('done').waitFor();
    await page.goto(`${url}/account/forgotten`);
    await fill(page, { email });
    await page.getByTestId('done').waitFor();
    const link = await linkMailed(email, 'A new password');
    await page.goto(url + link);
    await fill(page, { password: 'another long phrase' });
    await page.getByTestId('done').waitFor();
    await page.goto('about:blank');
    await page.goto(url + link);
    await fill(page, { password: 'a third long phrase' });
    expect(await page.getByTestId('error').innerText()).toContain('unknown, used or expired');
    await page.goto(`${url}/account/sign-in`);
    await fill(page, { email, password });
    expect(await page.getByTestId('error').innerText()).toContain('E-mail or password is wrong');
    await fill(page, { password: 'another long phrase' });
    await signedIn(page);
    expect(complaints).toEqual([]);
  });

  it('take an invited person in', async () => {
    const tenant = await member();
    const body = { email: 'invited@example.com', role: 'viewer' };
    expect((await stack.request('POST', '/v1/invitations', { token: tenant.accessToken, body })).status).toBe(201);
    const { page } = await open(await linkMailed(body.email, 'You are invited'));
    await fill(page, { password });
    await signedIn(page);
    await page.getByText(body.email).first().waitFor();
  });

  it('add an authenticator app and a passkey, and ask for them', async () => {
    const { email, password: known } = await member();
    const { page, complaints } = await open('/account/sign-in');
    const devtools = await page.context().newCDPSession(page);
    await devtools.send('WebAuthn.enable');
    const options = {
      protocol: 'ctap2',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
    } as const;
    await devtools.send('WebAuthn.addVirtualAuthenticator', { options: { ...options, automaticPresenceSimulation: true } });
    await fill(page, { email, password: known });
    await signedIn(page);
    await page.goto(`${url}/account/security`);
    await page.getByTestId('add-totp').click();
    const secret = await page.getByTestId('secret').innerText();
    expect(await page.locator('img.qr').evaluate((image) => (image as unknown as { naturalWidth: number }).naturalWidth)).toBeGreaterThan(
      0,
    );
    await fill(page, { code: new TOTP({ secret }).generate({ timestamp: Date.now() - 30_000 }) });
    await page.getByTestId('recovery-codes').waitFor();
    expect(await page.getByTestId('recovery-codes').locator('li').count()).toBe(10);
    const [code = ''] = await page.getByTestId('recovery-codes').locator('li').allInnerTexts();
    await page.getByTestId('add-passkey').click();
    await expect.poll(() => page.getByTestId('factors').locator('li').count()).toBe(2);
    await page.evaluate(axeSource);
    expect(await page.evaluate(`axe.run().then(({ violations }) => violations.map(({ id }) => id))`)).toEqual([]);

    await page.evaluate('sessionStorage.clear()');
    await page.goto(`${url}/account/sign-in`);
    await fill(page, { email, password: known });
    await fill(page, { code: '000000' });
    expect(await page.getByTestId('error').innerText()).toContain('no valid proof');
    await fill(page, { code });
    await signedIn(page);
    await page.evaluate('sessionStorage.clear()');
    await page.goto(`${url}/account/sign-in`);
    await fill(page, { email, password: known });
    await page.getByTestId('use-passkey').click();
    await signedIn(page);
    await page.evaluate('sessionStorage.clear()');
    await page.goto(`${url}/account/sign-in`);
    await page.getByTestId('passkey').click();
    await signedIn(page);
    expect(complaints).toEqual([]);
  });
});
