return await Granary.Client.GranaryApp.RunAsync(args);
