namespace Granary.Silo.Security;

/// <summary>What the holder of an access token may do. The names are also those of the policies that calls declare.</summary>
public static class Roles
{
    /// <summary>Looks: runs, nodes, tasks, metrics.</summary>
    public const string Viewer = "viewer";

    /// <summary>Looks, and submits, cancels, pauses, resumes, scales, drains.</summary>
    public const string Operator = "operator";

    public static IReadOnlyList<string> All { get; } = [Viewer, Operator];
}
