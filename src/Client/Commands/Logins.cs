using System.Text.Json;
using Granary.Silo.Security;
using Granary.Training;
using Granary.Training.Wording;

namespace Granary.Client.Commands;

/// <summary>What <c>granary login</c> keeps of a server.</summary>
/// <param name="Token">An access token.</param>
/// <param name="Authority">The content of a file; <see langword="null"/>: what the system trusts.</param>
internal sealed record Login(string Token, string? Authority);

/// <summary>The servers that this user has logged in to, in a file that only they can read.</summary>
internal static class Logins
{
    private static readonly JsonSerializerOptions json = new(JsonSerializerDefaults.Web) { WriteIndented = true };

    public static string Path => System.IO.Path.Combine(Folder, "logins.json");

    /// <summary>Where this user's files of Granary lie.</summary>
    public static string Folder => System.IO.Path.Combine(
        EnvironmentVariable.Read("XDG_CONFIG_HOME") ?? System.IO.Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".config"), "granary");

    /// <exception cref="UserErrorException">The file cannot be read, or others can read it, too.</exception>
    public static Login? Find(Uri server) => Read().GetValueOrDefault(NameOf(server));

    /// <exception cref="UserErrorException">The file cannot be written.</exception>
    public static void Keep(Uri server, Login login)
    {
        var logins = Read();
        logins[NameOf(server)] = login;
        OwnFile.Write(Path, JsonSerializer.Serialize(logins, json) + "\n");
    }

    private static string NameOf(Uri server) => server.GetLeftPart(UriPartial.Authority);

    private static Dictionary<string, Login> Read()
    {
        try
        {
            return File.Exists(Path) ? JsonSerializer.Deserialize<Dictionary<string, Login>>(OwnFile.ReadSecret(Path), json)! : [];
        }
        catch (JsonException wrong)
        {
            throw new UserErrorException($"{Path} is not as granary login writes it. Delete it, and log in again.", wrong);
        }
    }
}
