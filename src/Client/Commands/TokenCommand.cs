using System.CommandLine;
using Granary.Client.Views;
using Granary.Silo.Security;
using Spectre.Console;

namespace Granary.Client.Commands;

/// <summary><c>granary token create</c>, <c>list</c>, <c>revoke</c>: who may ask a cluster.</summary>
internal static class TokenCommand
{
    public static Command Create() => new("token", "The access tokens that open a cluster's gateway.") { CreateCreate(), CreateList(), CreateRevoke() };

    private static Command CreateCreate()
    {
        var (name, file) = (Name(), TokensFile());
        var role = new Option<string>("--role") { Description = "A viewer looks; an operator also submits, cancels, pauses, scales and drains.", DefaultValueFactory = _ => Roles.Viewer };
        role.AcceptOnlyFromAmong([.. Roles.All]);
        var command = new Command("create", "Makes a token and prints it, this once: the file keeps its hash only.") { name, role, file };
        command.SetAction(parsed =>
        {
            var (token, text) = AccessToken.Create(parsed.GetValue(name)!, parsed.GetValue(role)!, TimeProvider.System.GetUtcNow());
            var path = PathOf(parsed, file);
            AccessTokenFile.Add(path, token);
            Console.Error.WriteLine($"Added {token.Name}, {token.Role}, to {path}. Silos read it by Granary:Security:TokensFile; running ones see it within seconds. The token:");
            Console.WriteLine(text);
        });
        return command;
    }

    private static Command CreateList()
    {
        var file = TokensFile();
        var command = new Command("list", "Whom the file lets in.") { file };
        command.SetAction(parsed =>
        {
            var path = PathOf(parsed, file);
            var table = new Table().Border(TableBorder.Simple).AddColumns("name", "role", "created");
            foreach (var token in AccessTokenFile.Read(path))
            {
                table.AddRow(new Text(token.Name), new Text(token.Role), new Text($"{token.Created.UtcDateTime:yyyy-MM-dd HH:mm} UTC"));
            }
            Screen.Write(table);
        });
        return command;
    }

    private static Command CreateRevoke()
    {
        var (name, file) = (Name(), TokensFile());
        var command = new Command("revoke", "Takes a token back: running silos end what it has opened within seconds.") { name, file };
        command.SetAction(parsed => AccessTokenFile.Remove(PathOf(parsed, file), parsed.GetValue(name)!));
        return command;
    }

    private static Argument<string> Name() => new("name") { Description = "Whose it is; logs tell it." };

    private static Option<string?> TokensFile() => new("--file") { Description = $"The file of tokens. Default: {Path.Combine(Logins.Folder, "tokens")}." };

    private static string PathOf(ParseResult parsed, Option<string?> file) => parsed.GetValue(file) ?? Path.Combine(Logins.Folder, "tokens");
}
