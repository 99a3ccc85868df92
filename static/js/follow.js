// Lists of scans follow their open analyses by themselves.
import { announcer } from "./announce.js";
import { Following } from "./following.js";

const following = new Following(announcer());

following.start();
document.addEventListener("fragment:ready", () => following.start());
