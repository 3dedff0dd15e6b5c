/** The stand-in Command plugin. See README.md here. */
import { CommandProvider } from "./command-provider";
import { serve } from "./protocol";

serve(new CommandProvider());
