// The main thread only waits: signals come to it first, and one that is stuck in a read of a dead file system hears none.
return await Task.Run(() => Granary.Client.GranaryApp.RunAsync(args));
