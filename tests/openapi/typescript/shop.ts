// What a web frontend writes against the generated types: it compiles, or the document lies to those who use it. Lines
// under `@ts-expect-error` must not compile: a type that takes anything would be of no use.
import createClient from 'openapi-fetch';
import type { components, paths } from './api.js';

type Order = components['schemas']['OrderView'];

const api = createClient<paths, 'application/json'>({ baseUrl: 'https://api.example.com' });
const once = () => ({ 'Idempotency-Key': crypto.randomUUID() });

export async function login(account: string, sign: (message: string) => Promise<string>): Promise<string> {
  const challenge = await api.POST('/api/auth/challenge', { body: { account } });
  if (challenge.error) throw new Error(`${challenge.error.code}: ${challenge.error.message}`);
  const { message, nonce } = challenge.data;
  const session = await api.POST('/api/auth/login', { body: { account, nonce, signature: await sign(message) } });
  if (session.error) throw new Error(session.error.code);
  return session.data.accessToken;
}

export async function order(productId: string, phoneNumber: string): Promise<Order> {
  const ordered = await api.POST('/api/orders', {
    params: { header: once() },
    body: { productId, paymentMode: 'mpesa', deliveryAddress: 'Moi Avenue 12, Nairobi', phoneNumber },
  });
  if (ordered.error) {
    const problems: string[] = (ordered.error.details ?? []).map(({ field, message }) => `${field} ${message}`);
    throw new Error(problems.join('; '));
  }
  const { id, status, amountKes, deadlines } = ordered.data;
  const isNew: boolean = status === 'created';
  const due: number = amountKes;
  // @ts-expect-error: a status is one of eight words.
  if (status === 'paid') throw new Error();
  // @ts-expect-error: shillings are a number.
  const wrong: string = amountKes;
  const payment = await api.POST('/api/orders/{id}/pay/mpesa', { params: { path: { id }, header: once() }, body: {} });
  if (payment.error || !isNew || due < 1) throw new Error(`not paid until ${deadlines.payment}: ${wrong}`);
  return ordered.data;
}

export async function everyOrder(): Promise<Order[]> {
  const ids: string[] = [];
  let cursor: string | null | undefined;
  do {
    const page = await api.GET('/api/orders', { params: { query: { limit: 100, ...(cursor ? { cursor } : {}) } } });
    if (page.error) throw new Error(page.error.code);
    ids.push(...page.data.items.map(({ id }) => id));
    cursor = page.data.nextCursor;
  } while (cursor);
  const orders = await Promise.all(ids.map((id) => api.GET('/api/orders/{id}', { params: { path: { id } } })));
  return orders.flatMap(({ data }) => (data ? [data] : []));
}

export async function dispute(id: string, uploadId: string): Promise<Order> {
  const path = { id };
  const raised = await api.POST('/api/orders/{id}/dispute', {
    params: { path, header: once() },
    body: { reason: 'The bag has a hole.', evidence: { kind: 'image', uploadId, description: 'The seam' } },
  });
  if (raised.error) throw new Error(raised.error.code);
  const waitsFor = raised.data.pending?.action;
  // @ts-expect-error: a move is one of seven words.
  if (waitsFor === 'argue') throw new Error();
  const tracking = await api.GET('/api/orders/{id}/tracking', { params: { path } });
  if (tracking.error) throw new Error(tracking.error.code);
  return raised.data;
}

export async function decide(id: string, sellerBps: number): Promise<void> {
  const decided = await api.POST('/api/admin/disputes/{id}/resolve', {
    params: { path: { id } },
    body: { resolution: 'split', sellerBps, reason: 'The picture shows a torn seam.' },
  });
  if (decided.error) throw new Error(decided.error.message ?? decided.error.code);
}

export async function cheapest(category: string): Promise<string | undefined> {
  const page = await api.GET('/api/products', { params: { query: { category, sort: 'price_asc', limit: 1 } } });
  return page.data?.items[0]?.priceDot;
}

export async function mistakes(): Promise<void> {
  // @ts-expect-error: there is no such route.
  await api.GET('/api/order');
  // @ts-expect-error: the id is missing.
  await api.GET('/api/orders/{id}');
  // @ts-expect-error: an order needs a product.
  await api.POST('/api/orders', { params: { header: once() }, body: { paymentMode: 'mpesa', deliveryAddress: 'x' } });
  // @ts-expect-error: money moves once, so the key is needed.
  await api.POST('/api/orders/{id}/pay/mpesa', { params: { path: { id: 'x' } }, body: {} });
}
