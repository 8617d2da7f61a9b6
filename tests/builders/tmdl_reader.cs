// Reads each folder of TMDL with Microsoft's own parser; a line of what it found in it, or of what it refuses.
using System;
using System.Linq;
using Microsoft.AnalysisServices.Tabular;

class TmdlReader
{
    static int Main(string[] folders)
    {
        foreach (var folder in folders) Console.WriteLine(Said(folder));
        return 0;
    }

    static string Said(string folder)
    {
        try
        {
            var model = TmdlSerializer.DeserializeDatabaseFromFolder(folder).Model;
            var tables = model.Tables.SelectMany(Of);
            var roles = model.Roles.Select(role => "role " + role.Name);
            return "read\t" + string.Join("\t", tables.Concat(roles).Concat(new[] { "relations " + model.Relationships.Count }));
        }
        catch (Exception error)
        {
            return "refused\t" + error.Message.Replace("\r", " ").Replace("\n", " ");
        }
    }

    static System.Collections.Generic.IEnumerable<string> Of(Table table)
    {
        var columns = table.Columns.Select(column => "column " + table.Name + "." + column.Name + " " + column.DataType);
        return columns.Concat(table.Measures.Select(measure => "measure " + measure.Name));
    }
}
