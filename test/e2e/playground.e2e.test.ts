import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, type Locator, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type PlaygroundServer, startPlayground } from './playground-server.ts';

const chromiumPath = process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium';
const chromiumFlags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const patience = 20_000;

describe('playground', { timeout: 60_000 }, () => {
  let server: PlaygroundServer;
  let browser: Browser;
  const contexts: BrowserContext[] = [];

  beforeAll(async () => {
    [server, browser] = await Promise.all([startPlayground(), chromium.launch({ executablePath: chromiumPath, args: chromiumFlags })]);
  }, 120_000);

  afterEach(async () => {
    await Promise.all(contexts.splice(0).map((context) => context.close()));
  });

  afterAll(async () => {
    await browser?.close();
    await server?.close();
  });

  /** A fresh person's page. `complaints` collects what a clean page never says: errors, warnings, CSP violations, foreign requests. */
  async function openPage(options: BrowserContextOptions = {}): Promise<{ page: Page; complaints: string[] }> {
    const context = await browser.newContext({ reducedMotion: 'reduce', ...options });
    contexts.push(context);
    const page = await context.newPage();
    page.setDefaultTimeout(patience);
    const complaints: string[] = [];
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(String(error)));
    page.on('request', (request) => {
      if (new URL(request.url()).origin !== new URL(server.url).origin) complaints.push(`foreign request: ${request.url()}`);
    });
    await page.goto(server.url);
    return { page, complaints };
  }

  async function openDemo(options?: BrowserContextOptions) {
    const opened = await openPage(options);
    await opened.page.getByTestId('try-demo').click();
    await connected(opened.page);
    return opened;
  }

  async function signIn(page: Page): Promise<void> {
    await page.getByTestId('email').fill(server.demo.email);
    await page.getByTestId('password').fill(server.demo.password);
    await page.getByTestId('submit').click();
    await page.getByTestId('bot').first().waitFor();
  }

  it('is served with a policy that allows its own files only', async () => {
    const response = await fetch(server.url);
    const policy = response.headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toContain('unsafe');
    const page = await response.text();
    expect(page).toMatch(/src="\/assets\/[\w.-]+\.js"/);
    expect(page).not.toMatch(/<style|<script(?![^>]*\bsrc=)|\sstyle=/);
  });

  it('shows the first answer growing while it can be stopped', async () => {
    const { page, complaints } = await openDemo();
    await ask(page, demoQuestion(80, 20));
    await page.getByTestId('stop').waitFor();
    await expect.poll(() => answer(page).innerText(), { timeout: patience }).toMatch(/^t0 t1/);
    const early = (await answer(page).innerText()).length;
    await expect.poll(async () => (await answer(page).innerText()).length).toBeGreaterThan(early);
    expect(await page.getByTestId('stop').isVisible()).toBe(true);
    await answered(page);
    expect(await answer(page).innerText()).toBe(tokens(80));
    expect(await page.getByTestId('ending').count()).toBe(0);
    expect(await page.getByRole('log', { name: 'Finished answers' }).textContent()).toContain('t79');
    expect(complaints).toEqual([]);
  });

  it('completes an answer exactly once when the page is reloaded in its middle', async () => {
    const { page, complaints } = await openDemo();
    await ask(page, demoQuestion(200, 40));
    await expect.poll(() => answer(page).innerText(), { timeout: patience }).toContain('t30 ');
    await page.reload();
    await page.getByTestId('stop').waitFor();
    await answered(page);
    expect(await answer(page).innerText()).toBe(tokens(200));
    expect(await roles(page)).toEqual(['user', 'assistant']);
    expect(await page.getByTestId('ending').count()).toBe(0);

    await page.reload();
    await connected(page);
    await answered(page);
    expect(await answer(page).innerText()).toBe(tokens(200));
    expect(await roles(page)).toEqual(['user', 'assistant']);
    expect(complaints).toEqual([]);
  });

  it('stops an answer for good and never shows it as complete', async () => {
    const { page, complaints } = await openDemo();
    await ask(page, demoQuestion(600, 30));
    await expect.poll(() => answer(page).innerText(), { timeout: patience }).toContain('t10 ');
    await page.getByTestId('stop').click();
    await expect.poll(() => page.getByTestId('ending').getAttribute('data-ending')).toBe('stopped');
    expect(await page.locator('[data-testid=composer]:focus').count()).toBe(1);

    await page.reload();
    await answered(page);
    expect(await page.getByTestId('ending').getAttribute('data-ending')).toMatch(/^(stopped|interrupted)$/);
    expect(await answer(page).innerText()).not.toContain('t599');

    await ask(page, demoQuestion(3, 100));
    await expect.poll(() => answer(page).innerText(), { timeout: patience }).toBe(tokens(3));
    expect(complaints).toEqual([]);
  });

  it('replaces the last answer when asked to regenerate', async () => {
    const { page, complaints } = await openDemo();
    await ask(page, demoQuestion(40, 40));
    await answered(page);
    const first = await messageIds(page);
    await page.getByTestId('regenerate').click();
    await page.getByTestId('stop').waitFor();
    await answered(page);
    const second = await messageIds(page);
    expect(second).toHaveLength(2);
    expect(second[0]).toBe(first[0]);
    expect(second[1]).not.toBe(first[1]);
    expect(await answer(page).innerText()).toBe(tokens(40));

    await page.reload();
    await connected(page);
    await answered(page);
    expect(await messageIds(page)).toEqual(second);
    expect(complaints).toEqual([]);
  });

  it('begins a new conversation without the old messages', async () => {
    const { page } = await openDemo();
    await ask(page, demoQuestion(3, 100));
    await answered(page);
    await page.getByTestId('new-conversation').click();
    await page.getByTestId('suggestion').first().waitFor();
    expect(await page.getByTestId('message').count()).toBe(0);
  });

  it('shows what a model writes without running or fetching any of it', async () => {
    const { page, complaints } = await openDemo();
    const text = '<b id="raw">x</b> ![picture](https://example.com/p.png) [link](javascript:alert(1)) [safe](https://example.com/)';
    await ask(page, `[[demo: ${JSON.stringify({ text })}]]`);
    await answered(page);
    expect(await page.locator('#raw, [data-role=assistant] img').count()).toBe(0);
    expect(await answer(page).locator('a[href^="javascript:"]').count()).toBe(0);
    expect(await answer(page).getByRole('link', { name: 'safe' }).getAttribute('rel')).toContain('noopener');
    expect(complaints).toEqual([]);
  });

  it('signs in, creates a bot, talks to it and keeps the talk over a reload', async () => {
    const { page, complaints } = await openPage();
    await signIn(page);
    await page.getByLabel('Name', { exact: true }).fill('Harbour desk');
    await page.getByLabel('Instructions').fill('You help at the harbour.');
    await page.getByLabel('Greeting (optional)').fill('Ahoy!');
    await page.getByTestId('create-bot').click();
    await page.getByRole('heading', { name: 'Ahoy!' }).waitFor();
    await connected(page);
    await ask(page, demoQuestion(60, 60));
    await answered(page);
    await ask(page, demoQuestion(150, 40));
    await expect.poll(() => answer(page).innerText(), { timeout: patience }).toContain('t30 ');
    await page.reload();
    await answered(page);
    expect(await answer(page).innerText()).toBe(tokens(150));
    expect(await roles(page)).toEqual(['user', 'assistant', 'user', 'assistant']);
    await page.getByTestId('leave').click();
    await page.getByTestId('bot').filter({ hasText: 'Harbour desk' }).first().waitFor();
    await page.getByTestId('sign-out').click();
    await page.getByTestId('email').waitFor();
    expect(complaints).toEqual([]);
  });

  it('says why a sign-in was refused', async () => {
    const { page } = await openPage();
    await page.getByTestId('email').fill(server.demo.email);
    await page.getByTestId('password').fill('not the password');
    await page.getByTestId('submit').click();
    await page.getByTestId('error').waitFor();
    expect(await page.getByTestId('error-detail').innerText()).not.toBe('');
    expect(await violations(page)).toEqual([]);
  });

  it.each([
    { colorScheme: 'light', viewport: { width: 1280, height: 800 } },
    { colorScheme: 'dark', viewport: { width: 1280, height: 800 } },
    { colorScheme: 'light', viewport: { width: 390, height: 844 } },
    { colorScheme: 'dark', viewport: { width: 390, height: 844 } },
  ] as const)('has no accessibility violation in any view: $colorScheme, $viewport.width px', async (options) => {
    const { page, complaints } = await openPage(options);
    await page.getByTestId('try-demo').waitFor();
    expect(await violations(page), 'welcome').toEqual([]);
    await page.getByTestId('switch-mode').click();
    await page.getByTestId('tenant-name').waitFor();
    expect(await violations(page), 'create an account').toEqual([]);
    await page.getByTestId('switch-mode').click();
    await signIn(page);
    expect(await violations(page), 'bots').toEqual([]);
    await page.getByTestId('bot').first().click();
    await connected(page);
    expect(await violations(page), 'empty chat').toEqual([]);
    await ask(
      page,
      `[[demo: ${JSON.stringify({ text: '# Title\n\n- one\n- two\n\n`code`\n\n```\nblock\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |\n' })}]]`,
    );
    await answered(page);
    expect(await violations(page), 'answer').toEqual([]);
    await ask(page, demoQuestion(600, 30));
    await expect.poll(() => answer(page).innerText(), { timeout: patience }).toContain('t10 ');
    expect(await violations(page), 'streaming').toEqual([]);
    await page.getByTestId('stop').click();
    await page.getByTestId('ending').waitFor();
    expect(await violations(page), 'stopped').toEqual([]);
    expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth'), 'no sideways scrolling').toBe(true);
    expect(complaints).toEqual([]);
  });

  it('keeps the chosen theme', async () => {
    const { page } = await openPage({ colorScheme: 'light' });
    const ground = () => page.evaluate<string>('getComputedStyle(document.documentElement).backgroundColor');
    const light = await ground();
    await page.getByTestId('theme-toggle').click();
    const dark = await ground();
    expect(dark).not.toBe(light);
    await page.reload();
    await page.getByTestId('theme-toggle').waitFor();
    expect(await ground()).toBe(dark);
  });
});

const demoQuestion = (count: number, perSecond: number) => `Go on. [[demo: {"tokens":${count},"tokens_per_second":${perSecond}}]]`;

const tokens = (count: number) => Array.from({ length: count }, (_, at) => `t${at}`).join(' ');

async function ask(page: Page, text: string): Promise<void> {
  await page.getByTestId('composer').fill(text);
  await page.getByTestId('send').click();
}

function answer(page: Page): Locator {
  return page.locator('[data-testid=message][data-role=assistant]').last().getByTestId('message-text');
}

/** Waits until the newest message is an answer that has ended. */
async function answered(page: Page): Promise<void> {
  await page.locator('[data-testid=message]:last-child [data-testid=regenerate]').waitFor();
}

async function connected(page: Page): Promise<void> {
  await page.locator('[data-testid=status][data-state=connected]').waitFor();
}

async function attributes(page: Page, name: string): Promise<(string | null)[]> {
  const messages = await page.getByTestId('message').all();
  return Promise.all(messages.map((message) => message.getAttribute(name)));
}

const roles = (page: Page) => attributes(page, 'data-role');
const messageIds = (page: Page) => attributes(page, 'data-id');

/** Rules of axe that the page breaks, with the places. */
async function violations(page: Page): Promise<string[]> {
  await page.evaluate(axeSource);
  const found = await page.evaluate<{ violations: { id: string; nodes: { html: string }[] }[] }>(
    `axe.run(document, { resultTypes: ['violations'] })`,
  );
  return found.violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' | ')}`);
}
