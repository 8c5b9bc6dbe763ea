// The best of what is offered, by the way: most candidates are refused by one comparison with `least`.

/** The `most` best keys with their scores, the best first; of equal ones, those that were offered first. Each key once, by its best score. */
export class Best<Key> {
  readonly keys: Key[] = [];
  readonly scores: number[] = [];

  /** `distinct`: no key is offered twice. */
  constructor(
    private readonly most: number,
    private readonly distinct: boolean,
  ) {}

  /** What a score must be above. */
  get least(): number {
    return this.scores.length < this.most ? -Infinity : (this.scores[this.most - 1] as number);
  }

  /** Takes a key whose score is above `least`. */
  offer(score: number, key: Key): void {
    const before = this.distinct ? -1 : this.keys.indexOf(key);
    if (before >= 0) {
      if ((this.scores[before] as number) >= score) return;
      this.keys.splice(before, 1);
      this.scores.splice(before, 1);
    }
    let low = 0;
    let high = this.scores.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.scores[middle] as number) >= score) low = middle + 1;
      else high = middle;
    }
    this.scores.splice(low, 0, score);
    this.keys.splice(low, 0, key);
    if (this.keys.length > this.most) {
      this.keys.pop();
      this.scores.pop();
    }
  }
}
