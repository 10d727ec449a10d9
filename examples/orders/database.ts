/**
 * The database: the orders, and an outbox of those that the queue does not have yet.
 *
 * An order and its line in the outbox are written in one transaction: after a crash there are both or neither. It knows
 * no other process.
 */
import Database from 'better-sqlite3'
import { type Order, type State, states } from './schemas.js'

type Row = Omit<Order, 'placedAt'> & { readonly placedAt: number }

const tables = `
  CREATE TABLE IF NOT EXISTS orders (
    id TEXT PRIMARY KEY, product TEXT, quantity INTEGER, state TEXT, worker TEXT, placedAt INTEGER);
  CREATE TABLE IF NOT EXISTS outbox (id INTEGER PRIMARY KEY, orderId TEXT);`

const toOrder = (row: Row): Order => ({ ...row, placedAt: new Date(row.placedAt) })

/** Opens the database, and makes it if it is not there. */
export function openDatabase(path: string) {
  const db = new Database(path)
  db.pragma('journal_mode = WAL')
  db.pragma('synchronous = FULL') // what is committed survives the loss of power
  db.exec(tables)
  const select = db.prepare<[string], Row>('SELECT * FROM orders WHERE id = ?')
  const latest = db.prepare<[], Row>('SELECT * FROM orders ORDER BY rowid DESC LIMIT 50')
  const insert = db.prepare("INSERT INTO orders VALUES (?, ?, ?, 'placed', '', ?) ON CONFLICT DO NOTHING")
  const update = db.prepare('UPDATE orders SET state = ?, worker = ? WHERE id = ?')
  const waiting = db.prepare<[], { id: number; orderId: string }>('SELECT * FROM outbox ORDER BY id LIMIT 1')
  const put = db.prepare('INSERT INTO outbox (orderId) VALUES (?)')
  const remove = db.prepare('DELETE FROM outbox WHERE id = ?')

  const find = (id: string): Order | undefined => {
    const row = select.get(id)
    return row && toOrder(row)
  }
  return {
    find,
    list: (): Order[] => latest.all().map(toOrder),
    /** Stores an order; one that is known stays as it is. */
    place: db.transaction((id: string, product: string, quantity: number): Order => {
      if (insert.run(id, product, quantity, Date.now()).changes > 0) put.run(id)
      return find(id) as Order
    }),
    /** Moves an order forward; one that is as far already stays as it is. */
    advance: db.transaction((id: string, state: State, worker: string): Order | undefined => {
      const order = find(id)
      if (order && states.indexOf(state) > states.indexOf(order.state)) update.run(state, worker, id)
      return find(id)
    }),
    /** The order that has waited longest for the queue. */
    firstOfOutbox: () => waiting.get(),
    removeFromOutbox: (id: number) => remove.run(id),
    close: () => db.close(),
  }
}
