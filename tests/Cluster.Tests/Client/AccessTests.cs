using System.Runtime.Versioning;
using System.Text.Json;
using Granary.Cluster.Tests.Security;
using Granary.Silo.Security;

namespace Granary.Cluster.Tests.Client;

/// <summary>A user with a terminal, before a gateway that wants a token and speaks TLS.</summary>
[UnsupportedOSPlatform("windows")]
public sealed class AccessTests : IAsyncLifetime
{
    private readonly Secrets secrets = new();
    private SecuredGateway gateway = null!;

    public async Task InitializeAsync()
    {
        var options = secrets.Certificates();
        options.TokensFile = secrets.TokensFile;
        gateway = await SecuredGateway.StartAsync(options);
    }

    public async Task DisposeAsync()
    {
        await gateway.DisposeAsync();
        secrets.Dispose();
    }

    private string Authority => secrets.In("ours", "authority.pem");

    private string Server => gateway.Server.ToString();

    [Fact]
    public async Task Token_ThatIsCreated_IsPrintedOnce_AndListedByNameUntilItIsRevoked()
    {
        var file = secrets.In("of-a-user", "tokens");
        var created = await RunAsync("token", "create", "uma", "--role", "operator", "--file", file);
        Assert.Equal(0, created.ExitCode);
        Assert.Matches("^granary_[A-Za-z0-9_-]{43}\n$", created.Output);
        Assert.DoesNotContain(created.Output.Trim(), created.Error + File.ReadAllText(file), StringComparison.Ordinal);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
        Assert.Contains("uma    operator", (await RunAsync("token", "list", "--file", file)).Output, StringComparison.Ordinal);
        Assert.Equal(0, (await RunAsync("token", "revoke", "uma", "--file", file)).ExitCode);
        Assert.DoesNotContain("uma", (await RunAsync("token", "list", "--file", file)).Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Command_BeforeASecuredServer_IsToldWhatItLacks()
    {
        await FailsAsync("There is no TLS with the server", "tasks", "--server", Server, "--token", secrets.Viewer);
        await FailsAsync("https:// where silos have certificates", "tasks", "--server", Server.Replace("https", "http", StringComparison.Ordinal));
        await FailsAsync("This cluster wants a token. granary login --server URL", "tasks", "--server", Server, "--authority", Authority);
        await FailsAsync("This token opens nothing here", "tasks", "--server", Server, "--authority", Authority, "--token", "granary_wrong");
        await FailsAsync("The token 'vic' is a viewer's", "cancel", "first", "--server", Server, "--authority", Authority, "--token", secrets.Viewer);
        await FailsAsync("would travel in clear to http://192.0.2.1:8081/", "tasks", "--server", "http://192.0.2.1:8081", "--token", secrets.Viewer);
        await FailsAsync("holds no certificate", "tasks", "--server", Server, "--authority", secrets.In("ours", "silo.key"));
    }

    [Fact]
    public async Task Environment_NamesTokenAndAuthority()
    {
        var run = await CommandLine.RunProcessAsync([("GRANARY_TOKEN", secrets.Viewer), ("GRANARY_AUTHORITY", Authority), ("XDG_CONFIG_HOME", secrets.Folder)], "tasks", "--server", Server);
        Assert.StartsWith("bert", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Logins_AreTaken_UnlessOthersCanReadThem()
    {
        var file = secrets.In("granary", "logins.json");
        OwnFile.Write(file, JsonSerializer.Serialize(new Dictionary<string, object> { [Server.TrimEnd('/')] = new { Token = secrets.Viewer, Authority = File.ReadAllText(Authority) } }));
        Assert.StartsWith("bert", (await RunAsync("tasks", "--server", Server)).Output, StringComparison.Ordinal);
        File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.OtherRead);
        await FailsAsync($"Others than its owner can read {file}, which holds secrets: chmod 600 {file}", "tasks", "--server", Server);
    }

    private async Task FailsAsync(string expected, params string[] arguments)
    {
        var failed = await RunAsync(arguments);
        Assert.Equal(1, failed.ExitCode);
        Assert.Contains(expected, Assert.Single(failed.Error.Trim().Split('\n')), StringComparison.Ordinal);
    }

    private Task<CommandResult> RunAsync(params string[] arguments) => CommandLine.RunProcessAsync([("XDG_CONFIG_HOME", secrets.Folder)], arguments);
}
