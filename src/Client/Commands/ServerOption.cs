using System.CommandLine;
using Granary.Client.Sessions;
using Granary.Contracts;
using Granary.Training;
using Granary.Training.Wording;

namespace Granary.Client.Commands;

/// <summary>The cluster that a command asks; the same for all that ask one.</summary>
internal sealed class ServerOption
{
    private const string Default = "http://127.0.0.1:8081";
    private readonly Option<string?> server;

    /// <param name="description">Default: that of a command which cannot do without a server.</param>
    public ServerOption(Command command, string? description = null)
    {
        server = new("--server") { Description = description ?? $"A silo's gRPC address. Default: {EnvironmentVariable.Server} if that is set, else {Default}." };
        command.Options.Add(server);
    }

    public bool IsGiven(ParseResult parsed) => parsed.GetValue(server) is not null;

    public string Address(ParseResult parsed) => parsed.GetValue(server) ?? EnvironmentVariable.Read(EnvironmentVariable.Server) ?? Default;

    /// <exception cref="UserErrorException">It is no address.</exception>
    public TrainingClient Connect(ParseResult parsed, Watching? how = null)
    {
        var address = Address(parsed);
        return Uri.TryCreate(address, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https"
            ? how is null ? new(uri) : new(uri) { Patience = how.Patience }
            : throw new UserErrorException($"{(IsGiven(parsed) ? "--server" : EnvironmentVariable.Server)} {address} is no address such as {Default}.");
    }
}
