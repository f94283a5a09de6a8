using Granary.Client;

return await GranaryApp.RunAsync(args);
