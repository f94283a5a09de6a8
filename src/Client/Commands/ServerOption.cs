using System.CommandLine;
using Granary.Client.Sessions;
using Granary.Contracts;
using Granary.Training;
using Granary.Training.Wording;

namespace Granary.Client.Commands;

/// <summary>The cluster that a command asks, and how it is let in; the same for all that ask one.</summary>
internal sealed class ServerOption
{
    private const string Default = "http://127.0.0.1:8081";
    private readonly Option<string?> server;
    private readonly Option<string?> token = new("--token") { Description = $"The access token that the server wants. Default: {EnvironmentVariable.Token} if that is set (and not seen by others of this machine, as a command line is), else that of granary login." };
    private readonly Option<string?> authority = new("--authority") { Description = $"A file (PEM) of the authority that has signed the server's certificate. Default: {EnvironmentVariable.Authority} if that is set, else that of granary login, else what the system trusts." };

    /// <param name="description">Default: that of a command which cannot do without a server.</param>
    public ServerOption(Command command, string? description = null)
    {
        server = new("--server") { Description = description ?? $"A silo's gRPC address. Default: {EnvironmentVariable.Server} if that is set, else {Default}." };
        command.Options.Add(server);
        command.Options.Add(token);
        command.Options.Add(authority);
    }

    /// <summary>Whether a cluster is meant for sure.</summary>
    public bool IsGiven(ParseResult parsed) => new[] { server, token, authority }.Any(option => parsed.GetValue(option) is not null);

    public string Address(ParseResult parsed) => parsed.GetValue(server) ?? EnvironmentVariable.Read(EnvironmentVariable.Server) ?? Default;

    /// <exception cref="UserErrorException">It is no address.</exception>
    public Uri Uri(ParseResult parsed) => System.Uri.TryCreate(Address(parsed), UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https"
        ? uri
        : throw new UserErrorException($"{(parsed.GetValue(server) is null ? EnvironmentVariable.Server : server.Name)} {Address(parsed)} is no address such as {Default}.");

    /// <summary>What was typed, or else stands in the environment.</summary>
    public string? Token(ParseResult parsed) => parsed.GetValue(token) ?? EnvironmentVariable.Read(EnvironmentVariable.Token);

    /// <summary>The content of the file that was typed, or else stands in the environment.</summary>
    /// <exception cref="UserErrorException">It cannot be read.</exception>
    public string? Authority(ParseResult parsed)
    {
        var (path, origin) = parsed.GetValue(authority) is { } typed ? (typed, authority.Name) : (EnvironmentVariable.Read(EnvironmentVariable.Authority), EnvironmentVariable.Authority);
        try
        {
            return path is null ? null : File.ReadAllText(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException($"{origin} {path} cannot be read: {error.Message}", error);
        }
    }

    /// <exception cref="UserErrorException">What was typed or stored cannot be used.</exception>
    public TrainingClient Connect(ParseResult parsed, Watching? how = null)
    {
        var (uri, token, authority) = (Uri(parsed), Token(parsed), Authority(parsed));
        if (token is null || authority is null)
        {
            var kept = Logins.Find(uri);
            (token, authority) = (token ?? kept?.Token, authority ?? kept?.Authority);
        }
        var access = new ServerAccess(uri, token, authority);
        return how is null ? new(access) : new(access) { Patience = how.Patience };
    }
}
