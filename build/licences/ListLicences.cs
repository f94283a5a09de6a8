using System;
using System.IO;
using System.Linq;
using System.Xml.Linq;
using Microsoft.Build.Framework;
using Microsoft.Build.Utilities;

/// Writes a line for each package: its name, version and licence, and whose it is, as its own description says.
public class ListLicences : Task
{
    /// Folders of the packages' store.
    [Required] public string[] Packages { get; set; }
    [Required] public string List { get; set; }

    public override bool Execute()
    {
        Directory.CreateDirectory(Path.GetDirectoryName(List));
        File.WriteAllLines(List, Packages.Distinct().OrderBy(package => package, StringComparer.Ordinal).Select(Describe));
        return !Log.HasLoggedErrors;
    }

    string Describe(string package)
    {
        XElement said = XDocument.Load(Directory.GetFiles(package, "*.nuspec").Single()).Root.Elements().First();
        string Of(string name) => said.Elements().FirstOrDefault(element => element.Name.LocalName == name)?.Value.Trim() is { Length: > 0 } text ? text : null;

        string licence = Directory.GetFiles(package).Any(file => Path.GetFileName(file).ToUpperInvariant().Contains("LICENSE"))
            ? "its licence lies in its folder"
            : Of("license") ?? Of("licenseUrl") ?? $"licence: see {Of("projectUrl")}";
        return $"{Of("id")} {Of("version")}: {licence}; {Of("copyright") ?? Of("authors")}";
    }
}
