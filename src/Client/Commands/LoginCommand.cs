using System.CommandLine;
using Granary.Contracts;
using Granary.Training.Wording;
using Spectre.Console;

namespace Granary.Client.Commands;

/// <summary><c>granary login</c></summary>
internal static class LoginCommand
{
    public static Command Create()
    {
        var command = new Command("login", "Tries an access token at a server, and keeps it for all commands of this user. It is asked for, or read from standard input.");
        var server = new ServerOption(command);
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var uri = server.Uri(parsed);
            var authority = server.Authority(parsed) ?? Logins.Find(uri)?.Authority;
            var token = server.Token(parsed) ?? Ask();
            using (var client = new TrainingClient(new ServerAccess(uri, token, authority)))
            {
                await client.NodesAsync(cancellationToken);
            }
            Logins.Keep(uri, new(token, authority));
            Console.WriteLine($"{uri} takes the token, which is kept in {Logins.Path}.");
        });
        return command;
    }

    private static string Ask()
    {
        var token = Console.IsInputRedirected ? Console.ReadLine()?.Trim() : AnsiConsole.Prompt(new TextPrompt<string>("Token:").Secret(null));
        return token is { Length: > 0 } ? token : throw new UserErrorException("There is no token on standard input. Whoever runs the cluster makes one: granary token create NAME");
    }
}
