/** A number with what it counts: `1 restart`, `2 restarts`. @param many for a plural that takes more than an s */
export const counted = (count: number, one: string, many = `${one}s`): string => `${count} ${count === 1 ? one : many}`;
