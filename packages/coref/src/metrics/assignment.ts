/** The assignment problem, by shortest augmenting paths. */

/**
 * One-to-one assignment of rows to columns with the largest sum of weights. Every row of the shorter side is assigned:
 * where weights are not negative, that is no restriction.
 *
 * Each row in turn is led to a free column along the cheapest alternating path, by Dijkstra's algorithm on reduced
 * costs −w − u − v, which the potentials u and v keep from being negative (Kuhn 1955; Jonker and Volgenant 1987).
 * O(r² c) for r ≤ c.
 *
 * @param weights  `[rows][columns]`, finite
 * @returns        the column of each row, −1 where it has none
 */
export function maximumAssignment(weights: readonly ArrayLike<number>[]): Int32Array {
  const rows = weights.length
  const columns = weights[0]?.length ?? 0
  if (rows <= columns) return assign(rows, columns, (i, j) => -weights[i]![j]!)
  const rowOf = assign(columns, rows, (j, i) => -weights[i]![j]!)
  const columnOf = new Int32Array(rows).fill(-1)
  for (const [j, i] of rowOf.entries()) columnOf[i] = j
  return columnOf
}

/** The cheapest assignment of all rows, where there are no more rows than columns. */
function assign(rows: number, columns: number, cost: (row: number, column: number) => number): Int32Array {
  const rowPotential = new Float64Array(rows)
  const columnPotential = new Float64Array(columns)
  const owner = new Int32Array(columns).fill(-1)
  const distance = new Float64Array(columns)
  const previous = new Int32Array(columns) // the column before, on the shortest path; −1 where that is the new row
  const settled = new Uint8Array(columns)
  for (let newRow = 0; newRow < rows; newRow++) {
    distance.fill(Number.POSITIVE_INFINITY)
    settled.fill(0)
    let length = 0
    let column = -1
    for (let row = newRow; row >= 0; row = owner[column]!) {
      let nearest = -1
      for (let j = 0; j < columns; j++) {
        if (settled[j]) continue
        const through = length + cost(row, j) - rowPotential[row]! - columnPotential[j]!
        if (through < distance[j]!) {
          distance[j] = through
          previous[j] = column
        }
        if (nearest < 0 || distance[j]! < distance[nearest]!) nearest = j
      }
      column = nearest
      length = distance[column]!
      settled[column] = 1
    }
    rowPotential[newRow]! += length
    for (let j = 0; j < columns; j++) {
      if (!settled[j] || j === column) continue
      rowPotential[owner[j]!]! += length - distance[j]!
      columnPotential[j]! -= length - distance[j]!
    }
    for (let j = column; j >= 0; j = previous[j]!) owner[j] = previous[j]! < 0 ? newRow : owner[previous[j]!]!
  }
  const columnOf = new Int32Array(rows).fill(-1)
  for (const [j, row] of owner.entries()) if (row >= 0) columnOf[row] = j
  return columnOf
}
