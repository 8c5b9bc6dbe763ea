// What the hooks use of React, which the app brings along: its types are a package of their own that an app may not have.
declare module "react" {
  export function useState<T>(initial: T | (() => T)): [T, (next: T | ((before: T) => T)) => void];
  export function useEffect(effect: () => (() => void) | undefined, dependencies: readonly unknown[]): void;
  export function useCallback<T>(callback: T, dependencies: readonly unknown[]): T;
  export function useRef<T>(initial: T): { current: T };
}
