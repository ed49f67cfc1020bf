/** For the option `persist`: keeps a session in sessionStorage, under a name, over a reload. */
export declare function persist(name: string): (link: unknown) => () => void;
